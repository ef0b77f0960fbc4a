"""``labyard user removed`` and ``labyard user restore``: what is kept of removed people, and their way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labyard.exceptions import UsageError
from labyard_hub.cli.context import open_context
from labyard_hub.cli.options import json_option, state_dir_option

if TYPE_CHECKING:
    from labyard_hub.config.state import StateFolder

__all__ = ["removed", "restore"]

TIMEOUT_SECONDS = 3600
"""A home with millions of files takes minutes to change hands."""


@click.command()
@state_dir_option
@json_option
def removed(state_dir: Path, as_json: bool) -> None:
    """List removed people, and the homes that are kept of them. On a cluster, in the hub's pod."""
    from dataclasses import replace

    from labyard.cli.output import print_json, print_table
    from labyard_hub.backends.local.removed_people import folder_size, removed_people

    context = open_context(state_dir)
    if context.running:
        people = _ask_hub(context.state, "list removed people", "GET", "")["removed"]
    else:
        found = removed_people(context.state, context.settings.trash.lifetime_seconds)
        people = [replace(one, size=folder_size(one.home) if one.home else None).to_dict() for one in found]
    if as_json:
        print_json(people)
        return
    rows = [
        [one["name"], str(one["generation"]), one["home"] or "-", one["size"] or "-", _day(one["removed_at"]), _day(one["ends_at"])]
        for one in people
    ]
    print_table(rows, ["NAME", "GENERATION", "HOME", "SIZE", "REMOVED", "DELETED"])


@click.command()
@click.argument("name")
@click.option(
    "--generation",
    type=click.IntRange(min=0),
    help="Which person, where several had the name, as `labyard user removed` says.  [default: the last]",
)
@state_dir_option
def restore(name: str, generation: int | None, state_dir: Path) -> None:
    """Give NAME, who was removed, their home, runs and models back. Then invite them again. On a cluster, in the hub's pod."""
    from labyard_hub.domain.names import check_user_name

    check_user_name(name)
    context = open_context(state_dir)
    if context.running:
        query = f"?generation={generation}" if generation is not None else ""
        done = _ask_hub(context.state, f"restore {name}", "POST", f"/{name}/restore{query}")
        has_home = done["home"] is not None
    elif context.settings.login.is_local:
        has_home = _restore_here(context, name, generation)
    else:
        raise UsageError(f"who has signed in is known to the running hub alone: start Labyard with `labyard up`, then restore {name}")
    way = f"Let them sign in: labyard user invite {name}" if context.settings.login.is_local else "They can sign in again."
    click.echo(f"{name} has their {'home, ' if has_home else ''}runs and models again. {way}", err=True)


def _restore_here(context: Any, name: str, generation: int | None) -> bool:
    """Restore somebody while nothing runs, and return whether they have a home."""
    from labyard_hub.backends.local import removed_people
    from labyard_hub.backends.local.accounts import isolates
    from labyard_hub.exceptions import NameInUseError, PersonNotRemovedError

    people = removed_people.removed_people(context.state, None)
    found = [one for one in people if one.name == name and generation in (None, one.generation)]
    if not found:
        raise PersonNotRemovedError(name)
    if context.store.get_user(name) is not None or any(link.name == name for link in context.store.list_invitations()):
        raise NameInUseError(name)
    removed_people.restore(name, found[-1].generation, context.state, isolated=isolates(context.settings.servers.isolation))
    return found[-1].home is not None


def _ask_hub(state: StateFolder, what: str, method: str, path: str) -> Any:
    import httpx

    from labyard_hub.cli.hub_api import HubRefusedError
    from labyard_hub.cli.hub_groups import ask
    from labyard_hub.config.platform import Platform

    platform = Platform.read(state)
    headers = {"Authorization": f"token {state.secret('cli_token')}"}
    try:
        if platform is None:
            raise httpx.ConnectError("it is not up yet")
        with httpx.Client(base_url=platform.hub_api_url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as hub:
            return ask(hub, what, method, f"/labyard/removed-people{path}", (200,)).json()
    except httpx.HTTPError as error:
        raise HubRefusedError(what, 0, f"it did not answer ({error or type(error).__name__})") from error


def _day(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M") if text else "-"
