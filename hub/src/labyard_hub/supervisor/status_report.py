"""What ``labyard status`` prints, without click: people look often."""

from __future__ import annotations

import os
from pathlib import Path

from labyard.cli.output import echo, print_json, print_table
from labyard.units import format_bytes, format_seconds
from labyard_hub.config.state import STATE_DIRECTORY_VARIABLE, default_state_directory
from labyard_hub.supervisor.status import platform_status

__all__ = ["print_status"]


def print_status(state_dir: Path | None = None, *, as_json: bool = False) -> None:
    """Print what runs on a state folder, and exit with status 3 if nothing does.

    Parameters
    ----------
    state_dir
        None: the one of the environment, or the usual one.
    """
    if state_dir is None:
        named = os.environ.get(STATE_DIRECTORY_VARIABLE)
        state_dir = Path(named) if named else default_state_directory()
    found = platform_status(state_dir.absolute())
    if as_json:
        print_json(found.to_dict())
    elif not found.processes:
        echo(f"nothing runs on {state_dir}")
    else:
        echo(f"{found.state}: {found.url}")
        print_table(
            [
                [one.name, one.kind, str(one.pid), format_seconds(one.running_seconds), format_bytes(one.memory_bytes)]
                for one in found.processes
            ],
            ["NAME", "KIND", "PID", "RUNNING", "MEMORY"],
        )
    if not found.processes:
        raise SystemExit(3)
