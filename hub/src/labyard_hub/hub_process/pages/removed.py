"""The page of removed people, what is kept of them, and their way back; and the same for programs."""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from labyard.exceptions import LabyardError
from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.hub_process.pages.paging import PAGE_SIZE, part_of
from labyard_hub.hub_process.removed_people import list_removed, restore_person

__all__ = ["RemovedApiHandler", "RemovedHandler", "RestoreApiHandler", "RestoreHandler"]


class _RemovedPage(Page):
    async def _show(self, **names: Any) -> None:
        try:
            people = await list_removed(self)
        except LabyardError as error:
            raise http_error(error) from error
        wanted = self.get_query_argument("q", "")[:60]
        part = part_of([one for one in people if wanted.strip().lower() in one.name], self.get_query_argument("page", ""))
        await self.page("removed.html", part=part, wanted=wanted, searchable=len(people) > PAGE_SIZE, **names)


class RemovedHandler(_RemovedPage):
    """The page."""

    @web.authenticated
    async def get(self) -> None:
        """Show it."""
        await self.require_admin()
        await self._show()


class RestoreHandler(_RemovedPage):
    """Takes a removal back."""

    @web.authenticated
    async def post(self, name: str, generation: str) -> None:
        """Do it, and lead to where the person is invited."""
        await self.require_admin()
        try:
            person = await restore_person(self, name, int(generation))
        except LabyardError as error:
            await self._show(status=error.status_code, problem=error.message)
            return
        done = "restored" if person.home is not None else "restored-without-home"
        self.redirect(self.hub_link("admin") + f"?done={done}&who={name}")


class RemovedApiHandler(APIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Who was removed."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return each removed person with the home that is kept."""
        self.write({"removed": [one.to_dict() for one in await list_removed(self)]})


class RestoreApiHandler(APIHandler):  # type: ignore[misc]  # see above
    """Takes a removal back."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        """Do it; ``generation`` says which person of the name, where it is not the last."""
        asked = self.get_query_argument("generation", "")
        if asked and not asked.isdecimal():
            raise web.HTTPError(400, "The generation is a number, as the list of removed people says it.")
        try:
            person = await restore_person(self, name, int(asked) if asked else None)
        except LabyardError as error:
            raise http_error(error) from error
        self.write(person.to_dict())
