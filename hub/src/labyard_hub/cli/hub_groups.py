"""The hub's groups, read and changed by a command on the same machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from labyard.exceptions import UsageError
from labyard_hub.cli.hub_api import HubRefusedError
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.names import check_group_name

__all__ = ["ask", "change_groups", "known_groups"]

TIMEOUT_SECONDS = 30


def change_groups(state: StateFolder, name: str, added: Sequence[str], removed: Sequence[str]) -> list[str]:
    """Put `name` into groups and take them out of others; return the groups that they are in after that.

    Raises
    ------
    InvalidNameError
        If a group cannot be called so.
    UsageError
        If no hub runs.
    HubRefusedError
        If it refuses or fails.
    """
    for group in (*added, *removed):
        check_group_name(group)
    platform = Platform.read(state)
    try:
        if platform is None:
            raise httpx.ConnectError("nothing runs")
        headers = {"Authorization": f"token {state.secret('cli_token')}"}
        with httpx.Client(base_url=platform.hub_api_url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as hub:
            # 409: it knows them. Who never signed in is made, if the platform knows them.
            ask(hub, f"find {name}", "POST", f"/users/{name}", (201, 409))
            for group in added:
                ask(hub, f"make the group {group}", "POST", f"/groups/{group}", (201, 409))
                ask(hub, f"put {name} into {group}", "POST", f"/groups/{group}/users", (200,), {"users": [name]})
            for group in removed:
                ask(hub, f"take {name} out of {group}", "DELETE", f"/groups/{group}/users", (200, 404), {"users": [name]})
            return sorted(ask(hub, f"find {name}", "GET", f"/users/{name}", (200,)).json()["groups"])
    except httpx.ConnectError:
        raise UsageError("groups are kept by the running hub: start Labyard with `labyard up`, then try again") from None
    except httpx.HTTPError as error:
        raise HubRefusedError(f"change the groups of {name}", 0, f"it did not answer ({error or type(error).__name__})") from error


def known_groups(state_dir: Path) -> frozenset[str] | None:
    """Return the hub's groups as its database has them, also while it does not run; None where they cannot be known."""
    file = StateFolder(state_dir.absolute()).hub / "jupyterhub.sqlite"
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return frozenset(row[0] for row in database.execute("SELECT name FROM groups"))
    except (OSError, sqlite3.Error):
        return None


def ask(hub: httpx.Client, what: str, method: str, path: str, known: Sequence[int], body: Any = None) -> httpx.Response:
    """Ask the hub for `what`, and refuse an answer with a status that is not `known`.

    Raises
    ------
    HubRefusedError
        With the hub's own words.
    """
    answer = hub.request(method, path, json=body)
    if answer.status_code not in known:
        try:
            message = str(answer.json().get("message", ""))
        except ValueError:
            message = ""
        raise HubRefusedError(what, answer.status_code, message.rstrip("."))
    return answer
