"""Waits for conditions, in tests of every kind."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

__all__ = ["until", "wait_until"]

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, timeout_seconds: float = 60) -> T:
    """Return the first true value of `condition`, asked again and again."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, f"{what}: not within {timeout_seconds} s"
        time.sleep(0.05)


async def until(condition: Callable[[], T | Awaitable[T]], what: str, timeout_seconds: float = 60) -> T:
    """Do the same beside an event loop. `condition` may be a coroutine function."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        found: Any = condition()
        value: T = await found if inspect.isawaitable(found) else found
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {timeout_seconds} s"
        await asyncio.sleep(0.02)
