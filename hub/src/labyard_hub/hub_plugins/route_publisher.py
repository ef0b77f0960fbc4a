"""Brings changes of the routes to the proxy, those that come together together.

A proxy that reads all its routes at every change takes the longer for it the more there are: 10,000 take Traefik two seconds of CPU. So one version is written, the
proxy is asked until it has it, and what changed meanwhile is the next one. A lone change goes out at once; a storm of them costs as many readings as fit into its time.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

__all__ = ["RoutePublisher"]

POLL_SECONDS = 0.003
"""The shortest pause between two questions whether the proxy has a version."""

PATIENCE_SECONDS = 5.0
"""A proxy that has not taken a version in so long, or does not answer, is given the next one."""


class RoutePublisher:
    """Writes versions and waits until the proxy has them.

    Parameters
    ----------
    write
        Writes all that was changed so far, under this name; raises what the disk says.
    has
        Whether the proxy works by the version of this name; None if it does not answer.
    """

    def __init__(self, write: Callable[[str], Awaitable[None]], has: Callable[[str], Awaitable[bool | None]]) -> None:
        self._write = write
        self._has = has
        # Not a number alone: the proxy may still work by a version of the last hub.
        self._prefix = f"labyard-{secrets.token_hex(4)}"
        self._changed = 0
        self._written = 0
        self._loaded = 0
        self._writing: list[tuple[int, asyncio.Future[None]]] = []
        self._loading: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._usual_seconds = 0.0

    async def publish(self) -> None:
        """Say that something changed, and wait until it is written.

        Raises
        ------
        OSError
            If it cannot be. The next version holds it too.
        """
        self._changed += 1
        await self._wait(self._writing, self._changed)

    async def loaded(self, timeout_seconds: float) -> None:
        """Wait until the proxy works by what was last written.

        Raises
        ------
        TimeoutError
            If it does not in time.
        """
        if self._loaded < self._written:
            await asyncio.wait_for(self._wait(self._loading, self._written), timeout_seconds)

    def _wait(self, waiting: list[tuple[int, asyncio.Future[None]]], version: int) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append((version, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return future

    async def _run(self) -> None:
        # All that the same turn of the loop changes goes into the first version.
        await asyncio.sleep(0)
        while self._changed > self._written or self._loading:
            version = self._changed
            if version > self._written:
                try:
                    await self._write(self._name(version))
                except Exception as error:  # noqa: BLE001  # whoever waits gets it
                    _settle(self._writing, version, error)
                    if not self._loading:
                        return
                else:
                    self._written = version
                    _settle(self._writing, version)
            await self._until_loaded(self._written)

    def _name(self, version: int) -> str:
        return f"{self._prefix}-{version}"

    async def _until_loaded(self, version: int) -> None:
        """Wait until the proxy has `version`, or has had its time and there is another."""
        began = time.monotonic()
        # A part of the usual time it need not be asked; half, so that one slow reading makes no other slow that need not be.
        await asyncio.sleep(self._usual_seconds * 0.5)
        while True:
            found = await self._has(self._name(version))
            took = time.monotonic() - began
            if found:
                self._usual_seconds = min(took, (self._usual_seconds or took) * 1.25)
                self._loaded = version
                await _settle_slowly(self._loading, version)
                return
            if self._changed > version and (found is None or took > PATIENCE_SECONDS):
                return
            self._loading[:] = [(wanted, future) for wanted, future in self._loading if not future.done()]
            if not self._loading and took > PATIENCE_SECONDS:
                return
            await asyncio.sleep(max(POLL_SECONDS, min(0.1, took * 0.05)) if found is not None else 0.05)


async def _settle_slowly(waiting: list[tuple[int, asyncio.Future[None]]], version: int) -> None:
    """Answer whoever waits for `version`, one after the other: each goes on with work that others would wait for."""
    for wanted, future in waiting[:]:
        if wanted <= version and not future.done():
            future.set_result(None)
            await asyncio.sleep(0)
    _settle(waiting, version)


def _settle(waiting: list[tuple[int, asyncio.Future[None]]], version: int, error: Exception | None = None) -> None:
    """Answer whoever waits for `version` or an earlier one."""
    later = []
    for wanted, future in waiting:
        if wanted > version:
            later.append((wanted, future))
        elif not future.done():
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
    waiting[:] = later
