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
    from labyard_hub.supervisor.status_report import print_status

    print_status(state_dir, as_json=as_json)
