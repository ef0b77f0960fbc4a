"""Where the single-user servers are written down, so that they are found without the hub."""

from __future__ import annotations

from pathlib import Path

from labyard_hub.backends.local.processes import ProcessRecord
from labyard_hub.config.state import StateFolder

__all__ = ["list_servers", "server_label", "server_record_file"]


def server_label(user: str, server: str) -> str:
    """Return how a server is called: ``ada``, or ``ada/second``."""
    return f"{user}/{server}" if server else user


def server_record_file(state: StateFolder, user: str, server: str) -> Path:
    """Return where the record of a server is; `server` is empty for the default one."""
    return state.run_private / "servers" / f"{server_label(user, server).replace('/', '--')}.json"


def list_servers(state: StateFolder) -> list[ProcessRecord]:
    """Return the servers that run, by name."""
    found = (ProcessRecord.read(path) for path in sorted((state.run_private / "servers").glob("*.json")))
    return [record for record in found if record is not None and record.is_running()]
