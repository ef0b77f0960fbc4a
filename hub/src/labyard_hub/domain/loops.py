"""What goes on again and again beside the requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

__all__ = ["repeat"]


async def repeat(act: Callable[[], Awaitable[None]], stop: asyncio.Event, *, every_seconds: float) -> None:
    """Do `act` until `stop` is set, and return once the last time is over.

    It is asked to stop and not cancelled: a task that is cancelled in the middle of a transaction leaves a connection to be closed by nobody.
    """
    while not stop.is_set():
        await act()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_seconds)
