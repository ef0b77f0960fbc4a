"""``labyard user removed`` and ``labyard user restore``: what is kept of removed people, and, on a cluster, their way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labyard.exceptions import UsageError
from labyard_hub.cli.options import json_option, state_dir_option

if TYPE_CHECKING:
    from labyard_hub.config.state import StateFolder

__all__ = ["removed", "restore"]

TIMEOUT_SECONDS = 60


@click.command()
@state_dir_option
@json_option
def removed(state_dir: Path, as_json: bool) -> None:
    """List removed people and their homes. On a cluster, in the hub's pod."""
    from labyard.cli.output import print_json, print_table
    from labyard_hub.config.state import StateFolder

    state = StateFolder.open(state_dir.absolute())
    people = _ask_hub(state, "list removed people", "GET", "")["removed"] if _is_cluster(state) else _of_this_machine(state)
    if as_json:
        print_json(people)
        return
    rows = [
        [
            one["name"],
            home.get("claim") or home.get("path", "-"),
            home.get("size", "-"),
            _day(home.get("removed_at")),
            _day(home.get("deleted_at")),
        ]
        for one in people
        for home in one["homes"] or [{}]
    ]
    print_table(rows, ["NAME", "HOME", "SIZE", "REMOVED", "DELETED"])


@click.command()
@click.argument("name")
@state_dir_option
def restore(name: str, state_dir: Path) -> None:
    """Give NAME, who was removed, their home, runs and models back. On a cluster, in the hub's pod. Then invite them again."""
    from labyard_hub.config.state import StateFolder
    from labyard_hub.domain.names import check_user_name

    check_user_name(name)
    state = StateFolder.open(state_dir.absolute())
    if not _is_cluster(state):
        raise UsageError(f"this is for a cluster. On one machine the homes of removed people are in {state.trash}")
    done = _ask_hub(state, f"restore {name}", "POST", f"/{name}/restore")
    home = f"the home {done['claim']} and " if done["claim"] else ""
    click.echo(f"{name} has {home}their runs and models again. Let them sign in: labyard user invite {name}", err=True)


def _is_cluster(state: StateFolder) -> bool:
    from labyard_hub.config.loader import parse_configuration
    from labyard_hub.config.platform import Platform

    return Platform.read(state) is not None and parse_configuration(state.configuration_file.read_text()).settings.cluster is not None


def _of_this_machine(state: StateFolder) -> list[dict[str, Any]]:
    """Return what the hub says on a cluster, from the trash. It is never emptied by itself."""
    from labyard.units import format_bytes
    from labyard_hub.backends.local.removed_homes import removed_homes

    homes: dict[str, list[dict[str, Any]]] = {}
    for home in removed_homes(state):
        facts = {"path": str(home.path), "size": format_bytes(home.size), "removed_at": home.removed_at.isoformat(), "deleted_at": None}
        homes.setdefault(home.name, []).append(facts)
    return [{"name": name, "homes": found} for name, found in sorted(homes.items())]


def _ask_hub(state: StateFolder, what: str, method: str, path: str) -> Any:
    import httpx

    from labyard_hub.cli.hub_api import HubRefusedError
    from labyard_hub.cli.hub_groups import ask
    from labyard_hub.config.platform import Platform

    platform = Platform.read(state)
    assert platform is not None  # noqa: S101  # `_is_cluster` has read it
    headers = {"Authorization": f"token {state.secret('cli_token')}"}
    try:
        with httpx.Client(base_url=platform.hub_api_url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as hub:
            return ask(hub, what, method, f"/labyard/removed-people{path}", (200,)).json()
    except httpx.HTTPError as error:
        raise HubRefusedError(what, 0, f"it did not answer ({error or type(error).__name__})") from error


def _day(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M") if text else "-"
