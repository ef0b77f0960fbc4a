"""Watches the disk of the state folder: warns before it is full, and keeps a reserve with which the platform goes on for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from labyard.units import format_bytes
from labyard_hub.config.state import StateFolder

__all__ = ["DiskWatch"]

LOOK_SECONDS = 2.0
WARN_SHARE = 0.9
"""Share of the disk in use from which on it is told."""
CALM_SHARE = 0.88
"""Share below which it is told again the next time."""
RESERVE_SHARE = 0.01
MAX_RESERVE_BYTES = 64 * 2**20


class DiskWatch:
    """Looks at one disk.

    Parameters
    ----------
    state
        Its folder is on the disk.
    report
        Called with a subject and a sentence for the operator.
    """

    def __init__(self, state: StateFolder, report: Callable[[str, str], None]) -> None:
        self._root, self._report = state.root, report
        self._is_told = False

    @property
    def reserve(self) -> Path:
        """File that takes room until it is needed."""
        return self._root / "reserve"

    async def run(self, stopped: asyncio.Event) -> None:
        """Look again and again until `stopped` is set."""
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), LOOK_SECONDS)

    def look(self) -> None:
        """Warn, and give up the reserve or take it again, where that is due."""
        usage = shutil.disk_usage(self._root)
        size = min(MAX_RESERVE_BYTES, int(usage.total * RESERVE_SHARE))
        share = 1 - usage.free / usage.total
        if share < CALM_SHARE:
            self._is_told = False
        elif share >= WARN_SHARE and not self._is_told:
            self._is_told = True
            self._report("disk", f"{share:.0%} full, {format_bytes(usage.free)} left for {self._root}. Free some space before it is full")
        if usage.free < size // 4 and self.reserve.exists():
            self.reserve.unlink()
            self._report("disk", f"full. Labyard goes on with its reserve of {format_bytes(size)}: free some space in {self._root} now")
        elif usage.free > 4 * size and not self.reserve.exists():
            self._take(size)

    def _take(self, size: int) -> None:
        descriptor = os.open(self.reserve, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        except (OSError, AttributeError):  # some systems know no such call
            self.reserve.unlink()
        finally:
            os.close(descriptor)
