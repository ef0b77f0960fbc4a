"""Who there is on the platform, by the hub: where people come from an identity provider, nothing else knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from labyard_hub.backends.hub_answers import body_of
from labyard_hub.domain.projects import is_project_id
from labyard_hub.exceptions import HubUnavailableError

__all__ = ["HubDirectory"]

TIMEOUT_SECONDS = 10.0
PAGE = 200
"""As many users as the hub gives at once."""

CACHE_SECONDS = 3.0


class HubDirectory:
    """The people who have signed in. A project's own user is none of them.

    Parameters
    ----------
    client
        Connections; the caller closes them.
    api_url
        The hub's REST API.
    api_token
        Of a service with the scope ``list:users``.
    clock
        Seconds that only grow.
    """

    def __init__(self, client: httpx.AsyncClient, *, api_url: str, api_token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._api_url, self._clock = client, api_url.rstrip("/"), clock
        # With this type the hub answers in pages.
        self._headers = {"Authorization": f"token {api_token}", "Accept": "application/jupyterhub-pagination+json"}
        self._names: Sequence[str] = ()
        self._read_at: float | None = None

    async def exists(self, name: str) -> bool:
        """Whether a user has this name, now.

        Raises
        ------
        HubUnavailableError
            If the hub does not say.
        """
        if is_project_id(name):
            return False
        answer = await self._get(f"users/{quote(name, safe='')}")
        if answer.status_code == 404:
            return False
        return str(body_of(answer).get("name")) == name

    async def names(self) -> Sequence[str]:
        """Return all users' names, sorted, as they were a moment ago.

        Raises
        ------
        HubUnavailableError
            If the hub does not say.
        """
        if self._read_at is None or self._clock() - self._read_at >= CACHE_SECONDS:
            now = self._clock()
            names: list[str] = []
            following: dict[str, Any] | None = {"offset": 0}
            while following:
                body = body_of(await self._get(f"users?limit={PAGE}&offset={int(following['offset'])}"))
                names += [str(user["name"]) for user in body["items"]]
                following = body["_pagination"].get("next")
            self._names = sorted(name for name in names if not is_project_id(name))
            self._read_at = now
        return self._names

    async def _get(self, path: str) -> httpx.Response:
        try:
            return await self._client.get(f"{self._api_url}/{path}", headers=self._headers, timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError:
            raise HubUnavailableError from None
