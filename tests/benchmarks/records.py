"""Ratios that were accepted, and what has become worse since.

`recorded.json` holds, for each benchmark, on what machine and when it was recorded, its margin where that is not the usual one, and the ratio of each side of each comparison.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Result

__all__ = ["MARGIN", "RECORDED", "Verdict", "describe_machine", "judge", "read", "record", "table", "write_results"]

RECORDED = Path(__file__).with_name("recorded.json")
MARGIN = 1.5
"""A ratio may be worse than the recorded one by this factor: two sides measured in turn on a busy machine differ by a third, for nothing."""


@dataclass(frozen=True)
class Verdict:
    """What has become of one ratio; `word` is ``as before``, ``better``, ``worse``, ``new`` (not recorded) or ``missing`` (not measured)."""

    benchmark: str
    title: str
    side: str
    recorded: float | None
    found: float | None
    word: str

    @property
    def fails(self) -> bool:
        """Whether somebody has to look at it."""
        return self.word in ("worse", "missing")


def describe_machine() -> str:
    """Return what matters of this machine."""
    try:
        models = [
            line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
        ]
    except OSError:
        models = []
    model = f" ({models[0]})" if models else ""
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{os.cpu_count()} cores, {platform.machine()}{model}, Python {platform.python_version()}, {platform.system()} {kernel}"


def read() -> dict[str, Any]:
    """Return what was recorded, by benchmark."""
    try:
        found: dict[str, Any] = json.loads(RECORDED.read_text())
    except FileNotFoundError:
        return {}
    return found


def record(results: dict[str, list[Result]]) -> None:
    """Take the results of these benchmarks for what is accepted from now on. A margin that was set by hand stays."""
    found = read()
    for name, ones in results.items():
        former = found.get(name, {})
        ratios: dict[str, dict[str, float]] = {}
        for one in ones:
            if one.side != one.base:
                ratios.setdefault(one.title, {})[one.side] = float(f"{one.ratio:.3g}")
        entry = {"recorded_at": datetime.now(UTC).date().isoformat(), "machine": describe_machine(), "ratios": ratios}
        found[name] = {**({"margin": former["margin"]} if "margin" in former else {}), **entry}
    RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def judge(results: dict[str, list[Result]], recorded: dict[str, Any]) -> list[Verdict]:
    """Compare the results of benchmarks with what was recorded of them."""
    verdicts = []
    for name, ones in results.items():
        entry = recorded.get(name, {})
        margin = entry.get("margin", MARGIN)
        left = {(title, side): ratio for title, sides in entry.get("ratios", {}).items() for side, ratio in sides.items()}
        for one in ones:
            if one.side != one.base:
                former = left.pop((one.title, one.side), None)
                verdicts.append(Verdict(name, one.title, one.side, former, one.ratio, _word(one, former, margin)))
        verdicts += [Verdict(name, title, side, ratio, None, "missing") for (title, side), ratio in left.items()]
    return verdicts


def _word(one: Result, former: float | None, margin: float) -> str:
    if former is None:
        return "new"
    # Without a division: a ratio may be 0.
    less, more = one.ratio * margin < former, one.ratio > former * margin
    if one.more_is_better:
        less, more = more, less
    return "worse" if more else "better" if less else "as before"


def table(verdicts: Iterable[Verdict]) -> str:
    """Return a table for people, what fails first."""
    rows = [
        f"| {one.word} | {one.benchmark} | {one.title} | {one.side} | {_ratio(one.recorded)} | {_ratio(one.found)} |"
        for one in sorted(verdicts, key=lambda one: not one.fails)
    ]
    return "\n".join(["| | benchmark | comparison | side | recorded | now |", "|---|---|---|---|---|---|", *rows])


def _ratio(value: float | None) -> str:
    return "—" if value is None else f"{value:.3g}"


def write_results(results: dict[str, list[Result]], path: Path) -> None:
    """Write all that was measured for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    measured = {name: [asdict(one) for one in ones] for name, ones in results.items()}
    path.write_text(
        json.dumps({"machine": describe_machine(), "measured_at": datetime.now(UTC).isoformat(), "benchmarks": measured}, indent=1) + "\n"
    )
