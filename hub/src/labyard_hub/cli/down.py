"""``labyard down``: stop what ``labyard up`` started."""

from __future__ import annotations

from pathlib import Path

import click

from labyard_hub.cli.options import json_option, state_dir_option

__all__ = ["down"]


@click.command()
@state_dir_option
@json_option
def down(state_dir: Path, as_json: bool) -> None:
    """Stop the platform on this state folder, with its servers; also what a killed `labyard up` left behind."""
    import json

    from labyard_hub.supervisor.control import stop_platform

    ended = stop_platform(state_dir.absolute())
    if as_json:
        click.echo(json.dumps({"stopped": ended}))
    else:
        click.echo(f"stopped: {', '.join(ended)}" if ended else f"nothing runs on {state_dir}")
