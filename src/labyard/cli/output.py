"""How everything is printed: an aligned table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

__all__ = ["print_json", "print_table"]

GAP = "  "


def print_table(rows: Iterable[Sequence[str]], columns: Sequence[str]) -> None:
    """Print `rows` aligned under `columns`; nothing but the heading where there are none.

    The heading is bold on a terminal; colour never reaches a pipe.
    """
    table = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    for number, row in enumerate(table):
        line = GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def print_json(data: Any) -> None:
    """Print `data` as JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))
