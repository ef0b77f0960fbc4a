"""Medians, spread and ratios for people."""

from __future__ import annotations

from statistics import median

__all__ = ["compare"]


def compare(title: str, unit: str, sides: dict[str, list[float]], *, base: str) -> None:
    """Print the median and range of each side, and its ratio to the side `base`."""
    print(f"## {title}\n")
    print(f"| | median ({unit}) | range | ratio to {base} | runs |")
    print("|---|---|---|---|---|")
    reference = median(sides[base])
    for name, values in sides.items():
        middle = median(values)
        print(f"| {name} | {_short(middle)} | {_short(min(values))} to {_short(max(values))} | {middle / reference:.2f} | {len(values)} |")
    print()


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
