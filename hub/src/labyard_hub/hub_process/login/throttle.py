"""Slows down password guessing.

A wrong password takes a place in a bucket per name and in one per address; a full bucket refuses. Attempts whose password is still being looked at wait for
one another where together they could fill a bucket. So a thousand attempts at once get no further than a thousand in a row, and a thousand right ones all succeed.

Others must not be able to lock somebody out by trying wrong passwords for their name: a browser that signed in before holds a signed
cookie for that name and has a bucket of its own.

The buckets are in memory. A restart of the hub empties them, which only who can restart the hub can bring about.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
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


@dataclass
class Attempt:
    """One attempt; its maker sets `succeeded`."""

    succeeded: bool = False


class Throttle:
    """Buckets of failed attempts.

    Parameters
    ----------
    window_seconds
        How long a failure stays in its bucket.
    clock
        Returns monotonic seconds.
    """

    def __init__(self, window_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window_seconds
        self._clock = clock
        self._buckets: OrderedDict[str, deque[float]] = OrderedDict()
        self._pending: Counter[str] = Counter()
        self._one_ended = asyncio.Event()

    @asynccontextmanager
    async def attempt(self, limits: Sequence[tuple[str, int]]) -> AsyncIterator[Attempt]:
        """Make an attempt in the block, which counts as failed unless it says otherwise.

        Parameters
        ----------
        limits
            Pairs of a bucket's key and its size.

        Raises
        ------
        AttemptsError
            If a bucket is full.
        """
        while not self._has_room(limits):
            await self._one_ended.wait()
        keys = [key for key, _ in limits]
        self._pending.update(keys)
        attempt = Attempt()
        try:
            yield attempt
        finally:
            now = self._clock()
            for key in keys:
                self._pending[key] -= 1
                if not self._pending[key]:
                    del self._pending[key]
                if not attempt.succeeded:
                    self._bucket(key, now).append(now)
            self._one_ended.set()
            self._one_ended = asyncio.Event()

    def _has_room(self, limits: Sequence[tuple[str, int]]) -> bool:
        """Return whether an attempt may begin now; False where the end of others decides."""
        now = self._clock()
        wait = 0.0
        room = True
        for key, size in limits:
            bucket = self._buckets.get(key, deque())
            while bucket and bucket[0] <= now - self._window:
                bucket.popleft()
            if len(bucket) >= size:
                wait = max(wait, bucket[-size] + self._window - now)
            room = room and len(bucket) + self._pending[key] < size
        if wait > 0:
            raise AttemptsError(wait)
        return room

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
