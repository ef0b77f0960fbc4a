"""Processes that outlive their starter: a record on disk, found again by id and start time, ended with all their children."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from labyard_hub.config.state import write_atomically

__all__ = ["ProcessRecord", "end_processes"]

START_TIME_TOLERANCE_SECONDS = 1.0
"""Two readings of a process's start time may differ by the clock's tick."""


@dataclass(frozen=True)
class ProcessRecord:
    """A process, told from a later one with the same id by its start time.

    Attributes
    ----------
    name
        What it is for people: ``hub``, or ``ada`` and ``ada/second`` for servers.
    pid
        Process id.
    started_at
        Seconds since the epoch, as the kernel has it.
    digest
        What it was started with; another digest means that it must be started again.
    """

    name: str
    pid: int
    started_at: float
    digest: str = ""

    @classmethod
    def of(cls, name: str, pid: int, digest: str = "") -> ProcessRecord:
        """Return the record of a process that runs now, a started one that ended already included."""
        try:
            return cls(name, pid, psutil.Process(pid).create_time(), digest)
        except psutil.NoSuchProcess:
            return cls(name, pid, 0.0, digest)

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """Return the record in `path`; None where there is none or it is damaged."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write the record to `path`."""
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, json.dumps(asdict(self)), mode=0o600)

    def is_running(self) -> bool:
        """Whether the process still runs."""
        return self.process() is not None

    def process(self) -> psutil.Process | None:
        """Return the process if it still runs."""
        try:
            found = psutil.Process(self.pid)
            is_same = abs(found.create_time() - self.started_at) < START_TIME_TOLERANCE_SECONDS
            return found if is_same and found.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else None
        except psutil.NoSuchProcess:
            return None


def end_processes(records: Iterable[ProcessRecord], *, patience_seconds: float, spare: Iterable[ProcessRecord] = ()) -> None:
    """End processes and all that they started: first kindly, after `patience_seconds` for good.

    Kernels and terminals have sessions of their own, so no process group reaches them all: the family is noted before the first signal.
    May take `patience_seconds`: call it off an event loop.

    Parameters
    ----------
    spare
        Processes that stay, with their families, although one of `records` started them: the servers, when the hub is ended.
    """
    heads = [process for record in records if (process := record.process()) is not None]
    spared = {member for record in spare if (process := record.process()) is not None for member in _family(process)}
    members = {member for head in heads for member in _family(head)} - spared
    if patience_seconds > 0:
        for head in heads:
            with contextlib.suppress(psutil.NoSuchProcess):
                head.send_signal(signal.SIGTERM)
        psutil.wait_procs(heads, timeout=patience_seconds)
    for process in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(members, timeout=5)


def _family(process: psutil.Process) -> list[psutil.Process]:
    """Return `process` and all that descends from it."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]
