"""The machine's processes as the kernel tells them, where it tells them by files; elsewhere by psutil, whose import takes longer than all else that a look at them does."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["SeenProcess", "read_process", "read_processes"]

BY_FILES = sys.platform == "linux"
_STATE, _PARENT, _STARTED, _PAGES = 0, 1, 19, 21
"""Fields of ``/proc/PID/stat`` after the name, which may hold anything; see proc(5)."""


@dataclass(frozen=True)
class SeenProcess:
    """A process when it was looked at.

    Attributes
    ----------
    pid, parent
        Process ids.
    started_at
        Seconds since the epoch.
    memory_bytes
        What of it is in memory.
    ended
        Whether it has ended, and nobody has taken notice yet.
    """

    pid: int
    parent: int
    started_at: float
    memory_bytes: int
    ended: bool


def read_process(pid: int) -> SeenProcess | None:
    """Return one process; None where there is none."""
    if not BY_FILES:
        return _by_psutil(pid)
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
    except OSError:  # it ended
        return None
    started_at = _booted_at() + int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
    memory_bytes = int(fields[_PAGES]) * os.sysconf("SC_PAGE_SIZE")
    return SeenProcess(pid, int(fields[_PARENT]), started_at, memory_bytes, fields[_STATE] in ("Z", "X"))


def read_processes() -> Iterator[SeenProcess]:
    """Yield all of them."""
    if BY_FILES:
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208
    else:
        import psutil  # noqa: PLC0415

        pids = psutil.pids()
    for pid in pids:
        found = read_process(pid)
        if found is not None:
            yield found


@cache
def _booted_at() -> float:
    with open("/proc/stat", encoding="ascii") as file:  # noqa: PTH123
        return next(float(line.split()[1]) for line in file if line.startswith("btime"))


def _by_psutil(pid: int) -> SeenProcess | None:
    import psutil  # noqa: PLC0415

    try:
        process = psutil.Process(pid)
        memory_bytes = 0
        with contextlib.suppress(psutil.AccessDenied):  # of another account, on some systems
            memory_bytes = int(process.memory_info().rss)
        return SeenProcess(pid, process.ppid(), process.create_time(), memory_bytes, process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return None
