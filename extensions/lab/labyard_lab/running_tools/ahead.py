"""Starts a slow tool when a project is opened, so that it is there when somebody clicks on it.

Only one that was used in this project before, only where the machine has room, and only once: one that somebody has ended stays ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from logging import Logger

import psutil

from labyard.exceptions import LabyardError
from labyard.models.tool import Tool
from labyard_lab.exceptions import InstanceNotFoundError
from labyard_lab.running_tools.manager import PROGRAMS, InstanceManager

__all__ = ["AHEAD", "IDLE_SECONDS", "Ahead", "running_on_this_machine"]

AHEAD = {"label-studio": str(PROGRAMS / "label_studio_app.py")}
"""Tools by name, and what in a command tells that one of them runs."""
IDLE_SECONDS = 15 * 60.0
"""Time after which a tool that was started ahead, and that nobody opened, ends, in seconds."""
PAUSE_SECONDS = 3.0
"""Let JupyterLab's own page load first: it shares the processor."""
SPARE_BYTES = 2**30
"""Memory that must be left beside the 400 MB that such a tool takes."""


def running_on_this_machine(mark: str) -> int:
    """Return how many tools run, of all users, with `mark` in their command. Their keepers are counted, of which each has one."""
    count = 0
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        count += mark in words and any(word.endswith("/keeper.py") for word in words)
    return count


class Ahead:
    """Starts tools ahead.

    Parameters
    ----------
    read
        Returns the tools by name; it reads files.
    manager
        Starts them.
    limit
        How many of one kind may run on this machine, of all users together, for one more to be started ahead; 0: none is.
    pause_seconds
        How long to wait before anything is done.
    """

    def __init__(
        self,
        read: Callable[[], Mapping[str, Tool]],
        manager: InstanceManager,
        logger: Logger,
        limit: int,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._read, self._manager, self._logger, self._limit, self._pause = read, manager, logger, limit, pause_seconds
        self._task: asyncio.Task[None] | None = None

    def begin(self, origin: str) -> None:
        """Start in the background what should be started; `origin` is scheme, host and port that the browser uses. Later calls do nothing."""
        if self._task is None and self._limit > 0:
            self._task = asyncio.create_task(self._start(origin), name="labyard-ahead")

    async def close(self) -> None:
        """Start nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _start(self, origin: str) -> None:
        await asyncio.sleep(self._pause)
        try:
            for name, tool in (await asyncio.to_thread(self._read)).items():
                if name in AHEAD and not self._is_known(name) and await asyncio.to_thread(self._is_worth_it, tool):
                    short = min(tool.idle_timeout_seconds or IDLE_SECONDS, IDLE_SECONDS)
                    await self._manager.open(tool.model_copy(update={"idle_timeout_seconds": short}), None, origin)
                    self._logger.info("labyard: %s is started ahead", name)
        except (LabyardError, OSError) as error:
            self._logger.warning("labyard: nothing is started ahead: %s", error)

    def _is_known(self, name: str) -> bool:
        try:
            self._manager.get(name)
        except InstanceNotFoundError:
            return False
        return True

    def _is_worth_it(self, tool: Tool) -> bool:
        return (
            tool.origin != "user"
            and self._manager.was_used(tool)
            and psutil.virtual_memory().available > SPARE_BYTES
            and running_on_this_machine(AHEAD[tool.name]) < self._limit
        )
