"""What processes use at this moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import psutil

__all__ = ["Consumption", "measure", "process_tree"]

SAMPLE_SECONDS = 0.25
"""Time over which processor use is measured, in seconds."""

K = TypeVar("K")


@dataclass(frozen=True)
class Consumption:
    """Processors in use, and memory; a page that several processes share counts in parts."""

    cpu_cores: float = 0
    memory_bytes: int = 0


def process_tree(pid: int) -> set[int]:
    """Return a process and all that it has started; empty if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    return set()


def measure(processes: Mapping[K, Iterable[int]], pause: Callable[[float], None] = time.sleep) -> dict[K, Consumption]:
    """Return what each set of processes uses. Takes `SAMPLE_SECONDS`: call it off the event loop."""
    known = {key: [one for pid in pids if (one := _process(pid)) is not None] for key, pids in processes.items()}
    before = {key: {one.pid: _cpu_seconds(one) for one in group} for key, group in known.items()}
    started = time.monotonic()
    pause(SAMPLE_SECONDS)
    passed = max(time.monotonic() - started, 1e-3)
    return {
        key: Consumption(
            max(0.0, sum(_cpu_seconds(one) - before[key][one.pid] for one in group if one.is_running())) / passed,
            sum(_memory_bytes(one) for one in group),
        )
        for key, group in known.items()
    }


def _process(pid: int) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid)
    return None


def _cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _memory_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0
