"""Removed people, for administrators: what is kept of them, and their way back."""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from kubernetes_asyncio.client import ApiException
from tornado import web

from labyard_hub.hub_process.login.generations import RemovedName, generation_of, note_return
from labyard_hub.hub_process.pods.api_refusals import api_message
from labyard_hub.hub_process.pods.homes import Homes

__all__ = ["removed_people_handlers"]


def removed_people_handlers(homes: Homes) -> list[tuple[Any, ...]]:
    """Return the routes, below the hub's prefix."""
    given = {"homes": homes}
    return [
        (r"/api/labyard/removed-people", RemovedPeopleHandler, given),
        (r"/api/labyard/removed-people/([^/]+)/restore", RestoreHandler, given),
    ]


class _Handler(APIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    def initialize(self, homes: Homes) -> None:
        self.homes = homes


class RemovedPeopleHandler(_Handler):
    """Who was removed."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return each removed name with the homes that are kept."""
        homes: dict[str, list[dict[str, Any]]] = {}
        for home in await self.homes.removed():
            ends_at = self.homes.ends_at(home)
            homes.setdefault(home.owner, []).append({
                "claim": home.claim, "size": home.size, "removed_at": home.removed_at.isoformat() if home.removed_at else None,
                "deleted_at": ends_at.isoformat() if ends_at is not None else None,
            })  # fmt: skip
        names = {str(row.name) for row in self.db.query(RemovedName)} | set(homes)
        self.write({"removed": [{"name": name, "homes": homes.get(name, [])} for name in sorted(names)]})


class RestoreHandler(_Handler):
    """Takes a removal back."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        """Make the name the removed person's again, with home, runs and models; who may sign in is said as for anybody."""
        times = generation_of(self.db, name)
        if times == 0:
            raise web.HTTPError(404, f"Nobody called {name} was removed.")
        if self.find_user(name) is not None or await self.authenticator.find_person(self.db, name) is not None:
            raise web.HTTPError(409, f"Somebody else is called {name} now. Remove them first: what is theirs is kept too.")
        try:
            home = await self.homes.restore(name, times - 1)
        except ApiException as error:
            raise web.HTTPError(502, f"The cluster does not give the home back: {api_message(error)}.") from error
        note_return(self.db, name)
        self.write({"name": name, "claim": home.claim if home is not None else None})
