"""What runs on a state folder, seen from another process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from labyard_hub.backends.local.processes import ProcessRecord
from labyard_hub.backends.local.server_records import list_servers
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import StateFolderError
from labyard_hub.supervisor.lock import is_held

__all__ = ["UNRECORDED", "PlatformStatus", "ProcessStatus", "existing", "leftover_processes", "platform_status"]


ESSENTIAL = frozenset({"proxy", "hub", "service"})
"""Names of the processes without which a platform does not run."""
UNRECORDED = "unrecorded"
"""Name of a process of the platform that has no record."""


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
    """What runs; `state` is ``running``, ``incomplete`` (a part of it does not), ``starting``, ``unattended`` (its ``labyard up`` was killed) or ``stopped``."""

    state: str
    url: str | None
    processes: list[ProcessStatus]

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def existing(root: Path) -> StateFolder | None:
    """Return the state folder `root`, None where there is none."""
    try:
        return StateFolder.open(root) if any((root / name).exists() for name in ("state.json", "run/private")) else None
    except PermissionError as error:
        raise StateFolderError(root, f"{error.strerror}. It belongs to another user; run this as the one who started it") from error


def leftover_processes(state: StateFolder) -> list[ProcessRecord]:
    """Return the platform's processes that run, no matter who watches them."""
    found = (ProcessRecord.read(path) for path in sorted((state.run_private / "processes").glob("*.json")))
    recorded = [record for record in found if record is not None and record.is_running()]
    return [*recorded, *_unrecorded(state, recorded)]


def _unrecorded(state: StateFolder, recorded: Sequence[ProcessRecord]) -> list[ProcessRecord]:
    """Return the platform's processes that have no record, since a full disk took none: they are known by their folder and their home."""
    folders = {str(state.run_private), str(state.mlflow)}
    known = {record.pid for record in [*recorded, *list_servers(state)]}
    ours = {one.pid: one.info for one in psutil.process_iter(["ppid", "create_time"]) if _works_in(one.pid, folders)}
    return [
        ProcessRecord(UNRECORDED, pid, info["create_time"]) for pid, info in ours.items() if info["ppid"] not in ours and pid not in known
    ]


def _works_in(pid: int, folders: Set[str]) -> bool:
    try:
        if str(Path(f"/proc/{pid}/cwd").readlink()) not in folders:
            return False
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended, or belongs to somebody else
        return False
    return any(one.startswith(b"HOME=") and os.fsdecode(one[5:]) in folders for one in variables)


def platform_status(root: Path) -> PlatformStatus:
    """Return what runs on the state folder `root`."""
    state = existing(root)
    if state is None:
        return PlatformStatus("stopped", None, [])
    platform = Platform.read(state)
    records = [("platform", record) for record in leftover_processes(state)] + [("server", record) for record in list_servers(state)]
    found = _statuses(records)
    processes = [one for one in found if one.kind == "platform"]
    servers = [one for one in found if one.kind == "server"]
    held = is_held(state)
    if held:
        missing = ESSENTIAL - {one.name for one in processes}
        word = "starting" if platform is None or not platform.ready else "incomplete" if missing else "running"
    else:
        word = "unattended" if processes or servers else "stopped"
    return PlatformStatus(word, platform.url if platform is not None and processes else None, [*processes, *servers])


def _statuses(records: Sequence[tuple[str, ProcessRecord]]) -> list[ProcessStatus]:
    """Return what the processes use, each with all that it started."""
    seen: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid", "memory_info"]) if records else ():
        memory = process.info["memory_info"]  # None where another account's is hidden
        seen[process.pid] = memory.rss if memory is not None else 0
        children.setdefault(process.info["ppid"], []).append(process.pid)
    found = []
    for kind, record in records:
        if record.pid in seen:
            memory = sum(seen[pid] for pid in _descendants(record.pid, children) if pid in seen)
            found.append(ProcessStatus(record.name, kind, record.pid, max(0.0, time.time() - record.started_at), memory))
    return found


def _descendants(head: int, children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    todo, known = [head], set[int]()
    while todo:
        pid = todo.pop()
        if pid not in known:
            known.add(pid)
            yield pid
            todo += children.get(pid, ())
