"""Slows down whoever tries passwords.

Every attempt takes a place in a bucket per name and in one per address before the password is looked at, and gives it back if it was
right; a full bucket refuses. So a thousand attempts at once get no further than a thousand in a row.

Others must not be able to lock somebody out by trying wrong passwords for their name: a browser that signed in before holds a signed
cookie for that name and has a bucket of its own.

The buckets are in memory. A restart of the hub empties them, which only who can restart the hub can bring about.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labyard.exceptions import LabyardError

__all__ = ["Attempt", "AttemptsError", "Throttle", "address_key"]

MAX_BUCKETS = 20_000
"""The longest unused ones are forgotten beyond that, so that made-up names cannot fill the memory."""


class AttemptsError(LabyardError):
    """Too many attempts; `retry_after_seconds` says when the next one may come."""

    code = "too_many_attempts"
    status_code = 429

    def __init__(self, retry_after_seconds: float) -> None:
        self.retry_after_seconds = max(1, math.ceil(retry_after_seconds))
        wait = f"{self.retry_after_seconds} s" if self.retry_after_seconds < 90 else f"{math.ceil(self.retry_after_seconds / 60)} minutes"
        super().__init__(f"Too many attempts with a wrong password. Wait {wait}, then try again.")


@dataclass(frozen=True)
class Attempt:
    """Places that one attempt holds: (bucket, instant)."""

    places: tuple[tuple[str, float], ...]


class Throttle:
    """Buckets of attempts.

    Parameters
    ----------
    window_seconds
        An attempt leaves its bucket after so long.
    clock
        Returns monotonic seconds.
    """

    def __init__(self, window_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window_seconds
        self._clock = clock
        self._buckets: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, limits: Sequence[tuple[str, int]]) -> Attempt:
        """Take a place in each bucket of `limits`, pairs of its key and its size.

        Raises
        ------
        AttemptsError
            If one is full; then none is taken.
        """
        now = self._clock()
        wait = 0.0
        for key, size in limits:
            bucket = self._bucket(key, now)
            if len(bucket) >= size:
                wait = max(wait, bucket[-size] + self._window - now)
        if wait > 0:
            raise AttemptsError(wait)
        for key, _ in limits:
            self._buckets[key].append(now)
        return Attempt(tuple((key, now) for key, _ in limits))

    def succeeded(self, attempt: Attempt) -> None:
        """Give the places back: the password was right."""
        for key, instant in attempt.places:
            bucket = self._buckets.get(key)
            if bucket is not None and instant in bucket:
                bucket.remove(instant)
                if not bucket:
                    del self._buckets[key]

    def _bucket(self, key: str, now: float) -> deque[float]:
        bucket = self._buckets.setdefault(key, deque())
        self._buckets.move_to_end(key)
        while bucket and bucket[0] <= now - self._window:
            bucket.popleft()
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket


def address_key(address: str | None) -> str:
    """Return what an address counts as: an IPv6 host owns at least its /64, so that is one."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
