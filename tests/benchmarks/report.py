"""Medians, spread and ratios: for people as tables, for programs as results."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

__all__ = ["Result", "collected", "compare"]


@dataclass(frozen=True)
class Result:
    """One side of one comparison.

    Attributes
    ----------
    ratio
        Of its median to that of the side `base`.
    """

    title: str
    side: str
    unit: str
    base: str
    median: float
    ratio: float
    runs: int

    @property
    def more_is_better(self) -> bool:
        """Whether it counts what is done in a time, such as ``1/s``; all else, time and memory, is what it takes."""
        return self.unit.endswith("/s")


collected: list[Result] = []
"""What was compared in this run so far."""


def compare(title: str, unit: str, sides: dict[str, list[float]], *, base: str) -> None:
    """Print the median and range of each side, and its ratio to the side `base`: what ours is compared with."""
    print(f"## {title}\n")
    print(f"| | median ({unit}) | range | ratio to {base} | runs |")
    print("|---|---|---|---|---|")
    reference = median(sides[base])
    for name, values in sides.items():
        middle = median(values)
        ratio = middle / reference
        collected.append(Result(title, name, unit, base, middle, ratio, len(values)))
        print(f"| {name} | {_short(middle)} | {_short(min(values))} to {_short(max(values))} | {ratio:.2f} | {len(values)} |")
    print()


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
