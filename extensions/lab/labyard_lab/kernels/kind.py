"""One kind of kernel: its parent, and those that wait."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
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
    on_end
        Called when the parent has ended by itself.
    """

    def __init__(self, recipe: Recipe, size: int, on_end: Callable[[Kind], None], log: Logger | Any) -> None:
        self._size, self._log, self._on_end = size, log, on_end
        self.recipe, self.parent = recipe, KernelParent(recipe)
        self.waiting: deque[ForkedProcess] = deque()
        self._started_at: float | None = None
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
        if self._closed:
            await self.parent.close()
            raise NotForkableError("nothing is kept ready any more")
        self._started_at = time.monotonic()
        self.parent.call_when_it_ends(lambda: self._on_end(self))
        self._fill()

    @property
    def age_seconds(self) -> float:
        """Since when kernels can come from here; 0 before that."""
        return 0.0 if self._started_at is None else time.monotonic() - self._started_at

    def is_starting(self) -> bool:
        """Whether the parent still imports."""
        return self._started_at is None and not self._closed

    def is_usable(self) -> bool:
        """Whether kernels can come from here now."""
        return self._started_at is not None and not self._closed and self.parent.is_alive() and self.parent.is_current()

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
            process.stop_watching()
            if process.poll() is None:
                return process
            process.discard()
        return None

    def _lost(self, process: ForkedProcess) -> None:
        """Forget one that has ended while it waited. The next one is forked when a kernel is asked for: something may be ending them."""
        with contextlib.suppress(ValueError):
            self.waiting.remove(process)
        process.discard()

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
                    process.call_when_it_ends(self._lost)
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
