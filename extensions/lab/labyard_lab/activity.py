"""Counts work that nobody watches as use of the server, so that it is not stopped as idle in the middle of a training.

Jupyter Server counts requests and output. A kernel that computes in silence, or a script in a terminal that prints only at its end, gives neither.
A GPU that computes counts too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Any

import psutil
from jupyter_server._tz import utcnow

from labyard_lab.gpu_activity import gpus_compute, own_gpus

__all__ = ["WorkWatch", "look_seconds", "record_activity"]

ACTIVITY_KEY = "labyard"
MAX_LOOK_SECONDS = 30.0
WORKING_SHARE = 0.01
"""Of one core: what waits for a key uses less, what computes uses more."""


def record_activity(settings: dict[str, Any]) -> None:
    """Tell Jupyter Server that somebody, or something, is at work now."""
    settings.setdefault("last_activity_times", {})[ACTIVITY_KEY] = utcnow()


def look_seconds() -> float:
    """Return how often to look: twice as often as the hub is told."""
    told_every = float(os.environ.get("JUPYTERHUB_ACTIVITY_INTERVAL") or 300)
    return max(1.0, min(MAX_LOOK_SECONDS, told_every / 2))


class WorkWatch:
    """Looks for busy kernels, for programs that compute in terminals, and for GPUs that compute.

    Parameters
    ----------
    settings
        Of the server's web application.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings, self._gpus = settings, own_gpus()
        self._cpu_seconds: dict[tuple[int, float], float] = {}
        self._looked_at = time.monotonic()

    async def look(self) -> bool:
        """Record activity if something works, and return whether it does."""
        shells = self._shells()
        works = (
            await asyncio.to_thread(self._computes, shells) or self._a_kernel_is_busy() or await asyncio.to_thread(gpus_compute, self._gpus)
        )
        if works:
            record_activity(self._settings)
        return works

    def _a_kernel_is_busy(self) -> bool:
        manager = self._settings.get("kernel_manager")
        return manager is not None and any(kernel.get("execution_state") == "busy" for kernel in manager.list_kernels())

    def _shells(self) -> list[int]:
        manager = self._settings.get("terminal_manager")
        terminals = list(manager.terminals.values()) if manager is not None else []
        return [terminal.ptyproc.pid for terminal in terminals]

    def _computes(self, shells: list[int]) -> bool:
        """Return whether what the shells have started has used the processor since the last look."""
        former, self._cpu_seconds = self._cpu_seconds, {}
        now = time.monotonic()
        elapsed, self._looked_at = now - self._looked_at, now
        for shell in shells:
            with contextlib.suppress(psutil.Error):
                for process in psutil.Process(shell).children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        times = process.cpu_times()
                        self._cpu_seconds[process.pid, process.create_time()] = times.user + times.system
        used = sum(seconds - former.get(key, 0.0) for key, seconds in self._cpu_seconds.items())
        return used > WORKING_SHARE * elapsed
