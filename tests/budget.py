"""Minutes that each folder of tests may take, and a table of what it took at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.workers import worker_ends

__all__ = ["MINUTES", "pytest_terminal_summary", "spent"]

MINUTES = {"labyard": 1, "labyard_hub": 5, "labyard_lab": 5, "helm": 1, "fake_kubernetes": 1, "integration": 11, "browser": 9, "images": 3}
"""Budget of each folder below `tests`, in minutes of one process; two run at a time. See docs/dev/testing.md."""


def spent(reports: Iterable[Any]) -> Mapping[str, float]:
    """Return the minutes of each folder, with what fixtures took."""
    found: Counter[str] = Counter()
    for report in reports:
        parts = getattr(report, "nodeid", "").partition("::")[0].split("/")
        if len(parts) > 2 and parts[0] == "tests":
            found[parts[1]] += getattr(report, "duration", 0.0) / 60
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which folder took how long, where a whole folder may have run."""
    found = spent(report for reports in terminalreporter.stats.values() for report in reports)
    if sum(found.values()) < 1:
        return
    terminalreporter.section("minutes of one process, by folder")
    for folder, minutes in sorted(found.items(), key=lambda one: -one[1]):
        budget = MINUTES.get(folder)
        over = "  over its budget" if budget is not None and minutes > budget else ""
        terminalreporter.write_line(f"{folder:<14}{minutes:6.1f} of {budget}{over}")
    last = max(worker_ends.values(), default=0.0)
    for worker, ended in worker_ends.items():
        terminalreporter.write_line(f"{worker} ended {last - ended:.0f} s before the last")
