"""Stopping a platform from another process."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil

from labyard.exceptions import LabyardError
from labyard_hub.backends.local.processes import ProcessRecord, end_processes
from labyard_hub.backends.local.servers import end_servers, list_servers
from labyard_hub.config.platform import Platform
from labyard_hub.supervisor.lock import is_held
from labyard_hub.supervisor.status import existing, leftover_processes, platform_status

__all__ = ["leftover_processes", "stop_platform"]

STOP_TIMEOUT_SECONDS = 60
PATIENCE_SECONDS = 10


def stop_platform(root: Path) -> list[str]:
    """Stop what runs on the state folder `root`, and return the names of what was stopped.

    Raises
    ------
    LabyardError
        If ``labyard up`` does not end in time.
    """
    state = existing(root)
    if state is None:
        return []
    names = [one.name for one in platform_status(root).processes]
    platform = Platform.read(state)
    if is_held(state) and platform is not None and platform.pid:
        record = ProcessRecord.of("up", platform.pid)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(platform.pid).terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        # A zombie has ended: its parent has only not asked yet.
        while record.is_running():
            if time.monotonic() > deadline:
                raise LabyardError(f"`labyard up` (process {platform.pid}) did not end within {STOP_TIMEOUT_SECONDS} s")
            time.sleep(0.05)
    # What a killed `up` left behind has nobody else to end it.
    end_processes(leftover_processes(state), patience_seconds=PATIENCE_SECONDS)
    end_servers(state, list_servers(state), patience_seconds=PATIENCE_SECONDS)
    return names
