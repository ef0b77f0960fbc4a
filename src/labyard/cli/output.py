"""How everything is printed: an aligned table for people, JSON for programs. It needs no click, which takes longer to import than most listings to make."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["bold", "echo", "print_json", "print_table"]

GAP = "  "


def echo(text: str, *, err: bool = False) -> None:
    """Print one text, at once."""
    file = sys.stderr if err else sys.stdout
    file.write(f"{text}\n")
    file.flush()


def bold(text: str) -> str:
    """Return `text` as a terminal shows it bold; as it is where standard output is none."""
    plain = not sys.stdout.isatty() or sys.platform == "win32" or "NO_COLOR" in os.environ
    return text if plain else f"\033[1m{text}\033[0m"


def print_table(rows: Iterable[Sequence[str]], columns: Sequence[str]) -> None:
    """Print `rows` aligned under `columns`; nothing but the heading where there are none.

    The heading is bold on a terminal; colour never reaches a pipe.
    """
    table = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    for number, row in enumerate(table):
        line = GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        echo(bold(line) if number == 0 else line)


def print_json(data: Any) -> None:
    """Print `data` as JSON."""
    echo(json.dumps(data, indent=2, ensure_ascii=False))
