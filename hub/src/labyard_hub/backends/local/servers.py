"""The single-user servers, which can be found and ended without the hub."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
from collections.abc import Sequence

from labyard_hub.backends.local.accounts import find_project_account
from labyard_hub.backends.local.limits import ControlGroup
from labyard_hub.backends.local.processes import ProcessRecord, end_processes
from labyard_hub.backends.local.runtime import remove_runtime_folder
from labyard_hub.backends.local.server_records import list_servers, server_label, server_record_file
from labyard_hub.backends.local.trash import processes_of
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import is_project_id

__all__ = ["end_servers", "list_servers", "server_control_group", "server_record_file"]


def server_control_group(state: StateFolder, user: str, server: str) -> ControlGroup:
    """Return the control group of a server."""
    digest = hashlib.sha256(server_label(user, server).encode()).hexdigest()[:8]
    return ControlGroup(f"{state.instance}-{digest}")


def end_servers(state: StateFolder, records: Sequence[ProcessRecord], *, patience_seconds: float) -> None:
    """End servers with all that they started, and remove what they leave in the system. May take `patience_seconds`."""
    end_processes(records, patience_seconds=patience_seconds)
    for record in records:
        user, _, server = record.name.partition("/")
        if is_project_id(user):
            _end_account(state, user)
        server_control_group(state, user, server).remove()
        remove_runtime_folder(state, user, server)
        server_record_file(state, user, server).unlink(missing_ok=True)


def _end_account(state: StateFolder, project_id: str) -> None:
    """End what else runs as a project's account: a program that left its parent (``setsid``, ``nohup``) is in no family any more."""
    account = find_project_account(project_id, state)
    if account is None or account.uid == os.geteuid():
        return
    while found := processes_of(account.uid):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
