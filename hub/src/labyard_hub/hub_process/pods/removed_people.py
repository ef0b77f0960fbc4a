"""Removed people on a cluster."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from tornado.log import app_log

from labyard_hub.domain.removed_people import RemovedPerson, with_homeless
from labyard_hub.exceptions import HomeNotGivenBackError, NameInUseError
from labyard_hub.hub_process.login.generations import note_return, people_removed
from labyard_hub.hub_process.pods.api_refusals import api_message
from labyard_hub.hub_process.pods.homes import Homes

__all__ = ["ClusterRemovedPeople"]


class ClusterRemovedPeople:
    """The port `RemovedPeople` on a cluster: homes are claims, names are in the hub's database."""

    def __init__(self, homes: Homes) -> None:
        self._homes = homes

    async def people(self, db: Any) -> list[RemovedPerson]:
        """Return everybody who was removed."""
        homes = [
            RemovedPerson(home.owner, home.generation, home.claim, home.size, home.removed_at, self._homes.ends_at(home))
            for home in await self._homes.removed()
        ]
        return with_homeless(homes, people_removed(db))

    async def restore(self, db: Any, name: str, generation: int) -> None:
        """Give a removed person their name, home, runs and models back."""
        try:
            if await self._homes.in_use(name):
                raise NameInUseError(name)
            # Before the home is in use: it must never be there for another person of the name.
            note_return(db, name, generation)
            await self._homes.restore(name, generation)
        except (ApiException, ClientError, TimeoutError) as error:
            raise HomeNotGivenBackError(name, api_message(error) if isinstance(error, ApiException) else str(error)) from error

    async def sweep(self) -> None:
        """Delete the homes whose time is over."""
        try:
            await self._homes.sweep()
        except (ApiException, ClientError, TimeoutError) as error:
            app_log.warning("the homes of removed people whose time is over cannot be deleted now: %s", error)
