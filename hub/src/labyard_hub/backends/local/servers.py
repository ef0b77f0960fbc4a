"""Records of the single-user servers, so that they can be found and ended without the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from labyard_hub.backends.local.limits import ControlGroup
from labyard_hub.backends.local.processes import ProcessRecord, end_processes
from labyard_hub.backends.local.runtime import remove_runtime_folder
from labyard_hub.config.state import StateFolder

__all__ = ["end_servers", "list_servers", "server_control_group", "server_record_file"]


def _label(user: str, server: str) -> str:
    return f"{user}/{server}" if server else user


def server_record_file(state: StateFolder, user: str, server: str) -> Path:
    """Return where the record of a server is; `server` is empty for the default one."""
    return state.run_private / "servers" / f"{_label(user, server).replace('/', '--')}.json"


def server_control_group(state: StateFolder, user: str, server: str) -> ControlGroup:
    """Return the control group of a server."""
    digest = hashlib.sha256(_label(user, server).encode()).hexdigest()[:8]
    return ControlGroup(f"{state.instance}-{digest}")


def list_servers(state: StateFolder) -> list[ProcessRecord]:
    """Return the servers that run, by name."""
    found = (ProcessRecord.read(path) for path in sorted((state.run_private / "servers").glob("*.json")))
    return [record for record in found if record is not None and record.process() is not None]


def end_servers(state: StateFolder, records: Sequence[ProcessRecord], *, patience_seconds: float) -> None:
    """End servers with all that they started, and remove what they leave in the system. May take `patience_seconds`."""
    end_processes(records, patience_seconds=patience_seconds)
    for record in records:
        user, _, server = record.name.partition("/")
        server_control_group(state, user, server).remove()
        remove_runtime_folder(state, user, server)
        server_record_file(state, user, server).unlink(missing_ok=True)
