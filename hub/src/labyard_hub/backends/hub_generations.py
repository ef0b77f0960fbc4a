"""How many people have had a name before, by the hub: on a cluster the service cannot read the hub's files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import structlog

from labyard_hub.domain.loops import Coalescer, repeat
from labyard_hub.exceptions import HubUnavailableError

__all__ = ["HubGenerations"]

TIMEOUT_SECONDS = 10.0
EVERY_SECONDS = 3.0
"""How often it is asked by itself, for the members of projects whom nobody asks about."""

_log = structlog.get_logger("labyard.service")


class HubGenerations:
    """What the hub said last.

    Parameters
    ----------
    client
        Connections; the caller closes them.
    api_url
        The hub's REST API.
    api_token
        The service's own.
    """

    def __init__(self, client: httpx.AsyncClient, *, api_url: str, api_token: str) -> None:
        self._client, self._url = client, f"{api_url.rstrip('/')}/labyard/generations"
        self._headers = {"Authorization": f"token {api_token}"}
        self._removed: Mapping[str, int] | None = None
        self._asking = Coalescer(self._ask)

    def of(self, user: str) -> int:
        """Return how many people have had the name `user` before its present owner.

        Raises
        ------
        HubUnavailableError
            If the hub has never said. Nobody is taken for their successor meanwhile.
        """
        if self._removed is None:
            raise HubUnavailableError
        return self._removed.get(user, 0)

    async def refresh(self) -> None:
        """Ask the hub. What it says is no older than this call; calls that come together share one question.

        Raises
        ------
        HubUnavailableError
            If it does not say.
        """
        await self._asking.run()

    async def keep(self, stop: asyncio.Event) -> None:
        """Ask again and again until `stop` is set."""
        await repeat(self._try, stop, every_seconds=EVERY_SECONDS)

    async def _try(self) -> None:
        try:
            await self.refresh()
        except HubUnavailableError as error:
            _log.warning("the hub does not say which names were removed", problem=error.message)

    async def _ask(self) -> None:
        try:
            answer = await self._client.get(self._url, headers=self._headers, timeout=TIMEOUT_SECONDS)
            removed = answer.raise_for_status().json()["removed"]
            self._removed = {str(name): int(times) for name, times in removed.items()}
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            raise HubUnavailableError from None
