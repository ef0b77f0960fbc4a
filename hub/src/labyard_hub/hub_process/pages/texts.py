"""Instants and durations for people."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["ago", "greeting", "span", "until"]


def span(seconds: float) -> str:
    """Return a duration, such as ``2 h``, in whole units."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "less than a minute" if seconds >= 1 else "a moment"


def ago(instant: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago `instant` was; ``never`` for None."""
    if instant is None:
        return "never"
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - instant).total_seconds()
    return "just now" if seconds < 60 else f"{span(seconds)} ago"


def until(instant: datetime, now: datetime | None = None) -> str:
    """Return how long it is to `instant`."""
    seconds = (instant - (now or datetime.now(UTC))).total_seconds()
    # What was made a moment ago for 7 days ends in 7 days, not in 6.
    return "over" if seconds <= 0 else f"in {span(seconds + min(seconds * 0.02, 3600))}"


def greeting(hour: int) -> str:
    """Return what one says at that hour."""
    return "Good morning" if 5 <= hour < 12 else "Good afternoon" if 12 <= hour < 18 else "Good evening" if 18 <= hour < 23 else "Hello"
