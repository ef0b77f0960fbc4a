"""Commands of other distributions, read from their entry points."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

__all__ = ["COMMAND_GROUP", "find_plug_ins"]

COMMAND_GROUP = "labyard.commands"
"""Entry-point group; the name of an entry point is the name of the command."""


def find_plug_ins() -> dict[str, str]:
    """Return where each command is, as ``module:name``.

    `importlib.metadata` gives the same answer. Its import alone takes as long as all of click, and every call would pay for it.
    """
    found: dict[str, str] = {}
    for text in _entry_points():
        section = ""
        for line in map(str.strip, text.splitlines()):
            name, equals, where = line.partition("=")
            if line.startswith("["):
                section = line
            elif equals and section == f"[{COMMAND_GROUP}]":
                found.setdefault(name.strip(), where.partition("[")[0].strip())
    return found


def _entry_points() -> Iterator[str]:
    """Yield each ``entry_points.txt`` on `sys.path` that names the group."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208  # pathlib takes several times as long
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info"):
                try:
                    with open(f"{folder or '.'}/{name}/entry_points.txt", encoding="utf-8") as file:  # noqa: PTH123
                        text = file.read()
                except OSError:
                    continue
                if COMMAND_GROUP in text:
                    yield text
