"""Decides what counts as use of this server, so that the hub does not stop it in the middle of work. The rule has no other home.

Jupyter Server counts requests and the output of kernels. Beyond these, a server is in use while

* a kernel is busy,
* one of the server's processes computes: a kernel's thread or child, a program in a terminal, a program that was detached from its terminal,
* a browser has a connection to a tool open, no matter who sends on it,
* one of its GPUs computes.

The hub knows of it by the server's reports, and stops the server (`labyard_hub.hub_process.idle`).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from jupyter_server._tz import utcnow

from labyard_lab.gpu_activity import gpus_compute, own_gpus
from labyard_lab.own_processes import descends_from, own_processes

__all__ = ["RunningTool", "WorkWatch", "look_seconds", "record_activity"]

ACTIVITY_KEY = "labyard"
MAX_LOOK_SECONDS = 30.0
WORKING_SHARE = 0.01
"""Share of one core above which a process computes. Programs that wait for a key, and idle kernels, need less."""
TOOL_WORKING_SHARE = 0.1
"""The same for a tool's processes, since tools look for new files all the time."""


def record_activity(settings: dict[str, Any]) -> None:
    """Tell Jupyter Server that somebody, or something, is at work now."""
    settings.setdefault("last_activity_times", {})[ACTIVITY_KEY] = utcnow()


def look_seconds() -> float:
    """Return how often to look: twice as often as the hub is told."""
    told_every = float(os.environ.get("JUPYTERHUB_ACTIVITY_INTERVAL") or 300)
    return max(1.0, min(MAX_LOOK_SECONDS, told_every / 2))


class RunningTool(Protocol):
    """What has to be known of a tool."""

    @property
    def head_pid(self) -> int | None:
        """Process that all of the tool's others descend from; None if it does not run."""

    @property
    def is_connected(self) -> bool:
        """Whether a request or a websocket to it is open."""


class WorkWatch:
    """Looks for work.

    Parameters
    ----------
    settings
        Settings of the server's web application.
    tools
        Returns the tools of this server.
    """

    def __init__(self, settings: dict[str, Any], tools: Callable[[], Iterable[RunningTool]] = tuple) -> None:
        self._settings, self._tools, self._gpus = settings, tools, own_gpus()
        self._cpu_seconds: dict[tuple[int, float], float] = {}
        self._looked_at: float | None = None

    async def look(self) -> bool:
        """Record activity if something works, and return whether it does."""
        tools = list(self._tools())
        computes = await asyncio.to_thread(self._computes, {tool.head_pid for tool in tools if tool.head_pid is not None})
        works = (
            computes
            or self._a_kernel_is_busy()
            or any(tool.is_connected for tool in tools)
            or await asyncio.to_thread(gpus_compute, self._gpus)
        )
        if works:
            record_activity(self._settings)
        return works

    def _a_kernel_is_busy(self) -> bool:
        manager = self._settings.get("kernel_manager")
        return manager is not None and any(kernel.get("execution_state") == "busy" for kernel in manager.list_kernels())

    def _computes(self, tools: set[int]) -> bool:
        """Return whether a process other than this one has computed since the last look."""
        processes = own_processes()
        former, self._cpu_seconds = self._cpu_seconds, {(one.pid, one.created_at): one.cpu_seconds for one in processes.values()}
        now = time.monotonic()
        elapsed, self._looked_at = now - self._looked_at if self._looked_at is not None else None, now
        if elapsed is None:
            return False

        def share(pid: int) -> float:
            one = processes[pid]
            return (one.cpu_seconds - former.get((pid, one.created_at), 0.0)) / elapsed

        return any(
            share(pid) > (TOOL_WORKING_SHARE if descends_from(pid, tools, processes) else WORKING_SHARE)
            for pid in processes
            if pid != os.getpid()
        )
