"""The running hub, asked by a command on the same machine."""

from __future__ import annotations

from typing import Any

import httpx

from labyard.exceptions import LabyardError, UsageError
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import is_project_id

__all__ = ["HubRefusedError", "list_hub_users", "remove_hub_user"]

TIMEOUT_SECONDS = 120
"""Removing a user waits for their servers to end."""


class HubRefusedError(LabyardError):
    """The hub did not do what it was asked."""

    code = "hub_refused"

    def __init__(self, what: str, status: int, message: str) -> None:
        super().__init__(f"the hub could not {what}: {message or f'it answered {status}'}. Its log is hub.log in the state folder's logs")


def remove_hub_user(state: StateFolder, name: str) -> bool:
    """Have the running hub remove a user with their tokens, servers, home and account.

    Returns
    -------
    bool
        False if no hub runs, or if the user never came so that the hub does not know them: the caller then does the rest.

    Raises
    ------
    HubRefusedError
        If the hub runs and refuses or fails.
    """
    platform = Platform.read(state)
    if platform is None:
        return False
    try:
        answer = httpx.delete(
            f"{platform.hub_api_url}/users/{name}",
            headers={"Authorization": f"token {state.secret('cli_token')}"},
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=5),
            trust_env=False,
        )
    except httpx.ConnectError:
        return False
    except httpx.HTTPError as error:
        raise HubRefusedError(f"remove {name}", 0, f"it did not answer ({error or type(error).__name__})") from error
    if answer.status_code == 404:
        return False
    if answer.status_code != 204:
        try:
            message = str(answer.json().get("message", ""))
        except ValueError:
            message = ""
        raise HubRefusedError(f"remove {name}", answer.status_code, message.rstrip("."))
    return True


def list_hub_users(state: StateFolder) -> list[dict[str, Any]]:
    """Return whom the running hub knows, by name, with ``admin``, ``groups`` and ``created_at``.

    Raises
    ------
    UsageError
        If no hub runs.
    HubRefusedError
        If it does not say.
    """
    platform = Platform.read(state)
    people: list[dict[str, Any]] = []
    following: dict[str, Any] | None = {"offset": 0}
    headers = {"Authorization": f"token {state.secret('cli_token')}", "Accept": "application/jupyterhub-pagination+json"}
    while following:
        try:
            if platform is None:
                raise httpx.ConnectError("nothing runs")
            address = f"{platform.hub_api_url}/users?limit=200&offset={int(following['offset'])}"
            answer = httpx.get(address, headers=headers, timeout=30, trust_env=False)
        except httpx.ConnectError:
            raise UsageError(
                "who has signed in is known to the running hub alone: start Labyard with `labyard up`, then try again"
            ) from None
        except httpx.HTTPError as error:
            raise HubRefusedError("list its users", 0, f"it did not answer ({error or type(error).__name__})") from error
        if answer.status_code != 200:
            raise HubRefusedError("list its users", answer.status_code, "")
        body = answer.json()
        people += [
            {"name": one["name"], "admin": one["admin"], "groups": sorted(one["groups"]), "created_at": one["created"]}
            for one in body["items"]
            if not is_project_id(one["name"])
        ]
        following = body["_pagination"].get("next")
    return sorted(people, key=lambda one: str(one["name"]))
