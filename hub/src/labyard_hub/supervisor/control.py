"""Looking at, and stopping, a platform from another process."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from labyard.exceptions import LabyardError
from labyard_hub.backends.local.processes import ProcessRecord, end_processes
from labyard_hub.backends.local.servers import end_servers, list_servers
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import StateFolderError
from labyard_hub.supervisor.lock import is_held

__all__ = ["PlatformStatus", "ProcessStatus", "leftover_processes", "platform_status", "stop_platform"]

STOP_TIMEOUT_SECONDS = 60
PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class ProcessStatus:
    """One process: of the platform (`kind` is ``platform``) or a person's ``server``."""

    name: str
    kind: str
    pid: int
    running_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class PlatformStatus:
    """What runs; `state` is ``running``, ``starting``, ``unattended`` (its ``labyard up`` was killed) or ``stopped``."""

    state: str
    url: str | None
    processes: list[ProcessStatus]

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def _existing(root: Path) -> StateFolder | None:
    try:
        return StateFolder.open(root) if (root / "state.json").exists() else None
    except PermissionError as error:
        raise StateFolderError(root, f"{error.strerror}. It belongs to another user; run this as the one who started it") from error


def leftover_processes(state: StateFolder) -> list[ProcessRecord]:
    """Return the platform's processes that run, whoever watches them."""
    found = (ProcessRecord.read(path) for path in sorted((state.run_private / "processes").glob("*.json")))
    return [record for record in found if record is not None and record.process() is not None]


def platform_status(root: Path) -> PlatformStatus:
    """Return what runs on the state folder `root`."""
    state = _existing(root)
    if state is None:
        return PlatformStatus("stopped", None, [])
    platform = Platform.read(state)
    processes = [status for record in leftover_processes(state) if (status := _status(record, "platform"))]
    servers = [status for record in list_servers(state) if (status := _status(record, "server"))]
    held = is_held(state)
    if held:
        word = "running" if platform is not None and platform.ready else "starting"
    else:
        word = "unattended" if processes or servers else "stopped"
    return PlatformStatus(word, platform.url if platform is not None and processes else None, [*processes, *servers])


def _status(record: ProcessRecord, kind: str) -> ProcessStatus | None:
    process = record.process()
    if process is None:
        return None
    try:
        memory = process.memory_info().rss
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                memory += child.memory_info().rss
    except psutil.NoSuchProcess:
        return None
    return ProcessStatus(record.name, kind, record.pid, max(0.0, time.time() - record.started_at), memory)


def stop_platform(root: Path) -> list[str]:
    """Stop what runs on the state folder `root`, and return the names of what was stopped.

    Raises
    ------
    LabyardError
        If ``labyard up`` does not end in time.
    """
    state = _existing(root)
    if state is None:
        return []
    names = [one.name for one in platform_status(root).processes]
    platform = Platform.read(state)
    if is_held(state) and platform is not None and platform.pid:
        record = ProcessRecord.of("up", platform.pid)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(platform.pid).terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        # A zombie has ended: whoever started it has only not asked yet.
        while record.process() is not None:
            if time.monotonic() > deadline:
                raise LabyardError(f"`labyard up` (process {platform.pid}) did not end within {STOP_TIMEOUT_SECONDS} s")
            time.sleep(0.05)
    # What a killed `up` left behind has nobody else to end it.
    end_processes(leftover_processes(state), patience_seconds=PATIENCE_SECONDS)
    end_servers(state, list_servers(state), patience_seconds=PATIENCE_SECONDS)
    return names
