"""``labyard user groups``: who is in which group, which profiles and quotas ask for."""

from __future__ import annotations

from pathlib import Path

import click

from labyard_hub.cli.options import json_option, state_dir_option

__all__ = ["groups"]


@click.command()
@click.argument("name")
@click.option("--add", "added", metavar="GROUP", multiple=True, help="Put NAME into GROUP, which is made if there is none.")
@click.option("--remove", "removed", metavar="GROUP", multiple=True, help="Take NAME out of GROUP.")
@state_dir_option
@json_option
def groups(name: str, added: tuple[str, ...], removed: tuple[str, ...], state_dir: Path, as_json: bool) -> None:
    """Print the groups of NAME, after changing them. Profiles and quotas ask for groups; Labyard has to run."""
    from labyard.cli.output import print_json
    from labyard_hub.cli.hub_groups import change_groups
    from labyard_hub.config.state import StateFolder
    from labyard_hub.domain.names import check_user_name

    check_user_name(name)
    found = change_groups(StateFolder.open(state_dir.absolute()), name, added, removed)
    if as_json:
        print_json({"name": name, "groups": found})
    else:
        for group in found:
            click.echo(group)
