"""A long list, a page of it at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["PAGE_SIZE", "Part", "part_of"]

T = TypeVar("T")
Other = TypeVar("Other")

PAGE_SIZE = 50
"""People on one page: what is asked of the hub for each is a millisecond."""


@dataclass(frozen=True)
class Part(Generic[T]):
    """One page.

    Attributes
    ----------
    items
        What is on it.
    number, pages
        Which it is, from 1, and how many there are; at least one.
    first
        Place of the first of `items` in the whole list, from 1; 0 where there is none.
    total
        How many items there are on all pages.
    """

    items: Sequence[T]
    number: int
    pages: int
    first: int
    total: int

    @property
    def last(self) -> int:
        """Place of the last of `items`."""
        return self.first + len(self.items) - 1 if self.items else 0

    def with_items(self, items: Sequence[Other]) -> Part[Other]:
        """Return this page with something else in the same places."""
        return Part(items, self.number, self.pages, self.first, self.total)


def part_of(items: Sequence[T], number: str, size: int = PAGE_SIZE) -> Part[T]:
    """Return the page `number`, as it is in an address; the first for what is no number, the last for one that is too large."""
    pages = max(1, -(-len(items) // size))
    asked = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 1
    found = min(max(asked, 1), pages)
    start = (found - 1) * size
    return Part(items[start : start + size], found, pages, start + 1 if items else 0, len(items))
