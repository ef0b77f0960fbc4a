"""The identity store inside the hub: called in threads, so that the event loop never waits for a hash or a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from labyard.exceptions import LabyardError
from labyard_hub.storage.identity import IdentityStore

__all__ = ["AsyncIdentity", "HubBusyError"]

P = ParamSpec("P")
T = TypeVar("T")

HASHING_THREADS = 2
"""Each hash takes 64 MiB and four lanes of CPU for some 50 ms."""

MAX_HASHING = 32
"""Hashes that run or wait. The last of them waits about a second; later callers are asked to try again."""


class HubBusyError(LabyardError):
    """More passwords wait to be checked than the hub can check soon."""

    code = "hub_busy"
    status_code = 503
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("Too many people are signing in at this moment. Try again in a few seconds.")


class AsyncIdentity:
    """Runs calls of the store in threads."""

    def __init__(self, store: IdentityStore) -> None:
        self.store = store
        self._hashing = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="labyard-hash")
        self._reading = ThreadPoolExecutor(4, thread_name_prefix="labyard-identity")
        self._pending = 0

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that hashes nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, lambda: function(*args, **kwargs))

    async def hashing(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that hashes a password.

        Raises
        ------
        HubBusyError
            If too many wait already.
        """
        if self._pending >= MAX_HASHING:
            raise HubBusyError
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._hashing, lambda: function(*args, **kwargs))
        future.add_done_callback(self._done)  # not in a `finally`: a browser that goes away ends the wait, not the work
        return await future

    def _done(self, future: asyncio.Future[T]) -> None:
        self._pending -= 1
        if not future.cancelled():
            future.exception()  # read, so that asyncio does not report it as never retrieved
