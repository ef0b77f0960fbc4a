"""Work beside the requests: done again and again, or once for all who ask."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

__all__ = ["Coalescer", "repeat"]


async def repeat(act: Callable[[], Awaitable[None]], stop: asyncio.Event, *, every_seconds: float) -> None:
    """Do `act` until `stop` is set, and return once the last time is over.

    It is asked to stop and not cancelled: a task that is cancelled in the middle of a transaction leaves a connection to be closed by nobody.
    """
    while not stop.is_set():
        await act()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_seconds)


class Coalescer:
    """Runs one piece of work at a time. Callers that arrive during a run share the next one."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._current: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Return once a run that began after this call is over, and raise what it raised."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._current))
        # A caller that gives up does not end it for the others.
        await asyncio.shield(self._next)

    async def _after(self, current: asyncio.Task[None] | None) -> None:
        if current is not None and not current.done():
            await asyncio.wait([current])
        self._current, self._next = self._next, None
        await self._work()
