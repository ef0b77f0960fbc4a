"""How full the disk of the state folder is, and who fills it, for the administrators' page."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tornado.log import app_log

from labyard_hub.config.state import StateFolder

__all__ = ["DiskFigures", "DiskUse", "parse_sizes"]

MEASURE_AGAIN_SECONDS = 600.0
"""Shortest pause between two walks through all homes."""
TRASH = "The trash"
"""Name of the trash among the owners; no user or project is called so."""
LARGEST = 20
"""Folders that are shown."""


@dataclass(frozen=True)
class DiskFigures:
    """What the page shows.

    Attributes
    ----------
    owners
        Hub users, people and projects, and the trash, with the bytes of their folders, the largest first.
    measured_at
        Seconds since the epoch; None while the first walk goes on.
    """

    total_bytes: int
    free_bytes: int
    owners: tuple[tuple[str, int], ...] = ()
    measured_at: float | None = None

    @property
    def full_share(self) -> float:
        """Share of the disk that is in use."""
        return 1 - self.free_bytes / self.total_bytes if self.total_bytes else 0.0


class DiskUse:
    """Measures folders in the background, at the lowest priority.

    Parameters
    ----------
    state
        Homes and projects are in it.
    clock
        Returns seconds since the epoch.
    """

    def __init__(self, state: StateFolder, clock: Callable[[], float] = time.time) -> None:
        self._state, self._clock = state, clock
        self._owners: tuple[tuple[str, int], ...] = ()
        self._measured_at: float | None = None
        self._measuring: asyncio.Task[None] | None = None

    def look(self) -> DiskFigures:
        """Return what is known now, and measure again where that is old."""
        is_old = self._measured_at is None or self._clock() - self._measured_at > MEASURE_AGAIN_SECONDS
        if is_old and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.create_task(self.measure())
        usage = shutil.disk_usage(self._state.root)
        return DiskFigures(usage.total, usage.free, self._owners, self._measured_at)

    async def measure(self) -> None:
        """Walk through all folders once."""
        folders = [str(self._state.homes), str(self._state.projects)]
        command = ["nice", "-n", "19", "du", "-kx", "-d", "1", *folders, str(self._state.trash)]
        try:
            # It fails for a file that goes away meanwhile, and counts the rest.
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
        except OSError as error:
            app_log.warning("the folders of people cannot be measured: %s", error)
            return
        self._owners = parse_sizes(done.stdout.decode(errors="replace"), folders, str(self._state.trash))
        self._measured_at = self._clock()


def parse_sizes(text: str, parents: list[str], trash: str) -> tuple[tuple[str, int], ...]:
    """Return name and bytes of the largest folders directly below `parents`, and of the whole trash, from the output of ``du -k``."""
    found = []
    for line in text.splitlines():
        kibibytes, _, path = line.partition("\t")
        if (str(Path(path).parent) in parents or path == trash) and kibibytes.isdecimal():
            found.append((TRASH if path == trash else Path(path).name, int(kibibytes) * 1024))
    return tuple(sorted(found, key=lambda one: -one[1])[:LARGEST])
