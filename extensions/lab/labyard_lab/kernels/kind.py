"""One kind of kernel: its parent, and those that wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from logging import Logger
from typing import Any

from labyard_lab.kernels.forked import ForkedProcess
from labyard_lab.kernels.parent import KernelParent
from labyard_lab.kernels.recipe import NotForkableError, Recipe

__all__ = ["Kind"]


class Kind:
    """Kernels that come from one parent.

    Parameters
    ----------
    recipe
        What the parent is started with.
    size
        How many wait.
    """

    def __init__(self, recipe: Recipe, size: int, log: Logger | Any) -> None:
        self._size, self._log = size, log
        self.parent = KernelParent(recipe)
        self.waiting: deque[ForkedProcess] = deque()
        self._started = False
        self._closed = False
        self._filling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the parent and let kernels wait.

        Raises
        ------
        NotForkableError
            If kernels of this kind cannot be forked.
        """
        await self.parent.start()
        self._started = True
        self._fill()

    def is_starting(self) -> bool:
        """Whether the parent still imports."""
        return not self._started and not self._closed

    def is_usable(self) -> bool:
        """Whether kernels can come from here now."""
        return self._started and not self._closed and self.parent.is_alive() and self.parent.is_current()

    def why_not(self) -> str:
        """Return why they cannot, in a clause."""
        if self.is_starting():
            return "the kernels' parent still imports what they need"
        if not self.parent.is_alive():
            return "the kernels' parent has ended; a new one is started"
        return "a package or the interpreter has changed; a new parent is started"

    async def take(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> ForkedProcess:
        """Return a process that becomes the kernel: one that waits, or a new one.

        Raises
        ------
        NotForkableError
            If that fails.
        """
        process = self._next() or await self.parent.fork()
        try:
            await process.become(command, environment, folder)
        finally:
            self._fill()
        return process

    def _next(self) -> ForkedProcess | None:
        while self.waiting:
            process = self.waiting.popleft()
            if process.poll() is None:
                return process
            process.discard()
        return None

    def _fill(self) -> None:
        if self._filling is None or self._filling.done():
            self._filling = asyncio.ensure_future(self._fork_missing())

    async def _fork_missing(self) -> None:
        try:
            while len(self.waiting) < self._size and not self._closed:
                process = await self.parent.fork()
                if self._closed:
                    process.discard()
                else:
                    self.waiting.append(process)
        except NotForkableError as reason:
            self._log.warning("labyard: no kernel waits: %s", reason)

    async def close(self) -> None:
        """End the parent and those that wait; kernels go on."""
        self._closed = True
        if self._filling is not None:
            with contextlib.suppress(NotForkableError):
                await self._filling
        while self.waiting:
            self.waiting.popleft().discard()
        await self.parent.close()
