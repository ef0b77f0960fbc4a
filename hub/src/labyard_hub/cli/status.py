"""``labyard status``: what runs."""

from __future__ import annotations

from pathlib import Path

import click

from labyard_hub.cli.options import json_option, state_dir_option

__all__ = ["status"]


@click.command()
@state_dir_option
@json_option
def status(state_dir: Path, as_json: bool) -> None:
    """Tell what runs on this state folder; exit status 3 if nothing does."""
    from labyard.cli.output import print_json, print_table
    from labyard.units import format_bytes, format_seconds
    from labyard_hub.supervisor.status import platform_status

    found = platform_status(state_dir.absolute())
    if as_json:
        print_json(found.to_dict())
    elif not found.processes:
        click.echo(f"nothing runs on {state_dir}")
    else:
        click.echo(f"{found.state}: {found.url}")
        print_table(
            [
                [one.name, one.kind, str(one.pid), format_seconds(one.running_seconds), format_bytes(one.memory_bytes)]
                for one in found.processes
            ],
            ["NAME", "KIND", "PID", "RUNNING", "MEMORY"],
        )
    if not found.processes:
        raise SystemExit(3)
