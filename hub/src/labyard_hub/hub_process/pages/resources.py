"""What administrators see of hardware and quotas, and where they put people into groups."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from jupyterhub import orm
from tornado import web

from labyard.exceptions import LabyardError
from labyard_hub.backends.local.consumption import measure
from labyard_hub.domain.names import check_group_name
from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.paging import PAGE_SIZE, Part, part_of
from labyard_hub.hub_process.pages.resources_view import UsageRow, view_disk, view_groups, view_people
from labyard_hub.hub_process.pages.start_view import view_all_profiles
from labyard_hub.hub_process.starting.grants import Starts

__all__ = ["GroupHandler", "ResourcesHandler"]

MEMBERS_AT_FIRST = 20
"""How many of a group's members are shown beside the other groups."""


class _ResourcesPage(Page):
    def _wanted(self) -> tuple[str, str]:
        typed = self.get_query_argument("q", "")[:60]
        return typed, typed.strip().lower()

    async def _show(self, **names: Any) -> None:
        starts: Starts = self.current_user.spawners[""].starts
        typed, wanted = self._wanted()
        people = await self._with_use(view_people(starts, wanted, self.get_query_argument("people", "")))
        groups = view_groups(self.db, starts, wanted, self.get_query_argument("groups", ""))
        await self.page(
            "resources.html",
            profiles=await view_all_profiles(starts),
            disk=view_disk(starts.disk.look()) if starts.disk is not None else None,
            people=people,
            groups=groups,
            at_first=MEMBERS_AT_FIRST,
            wanted=typed,
            searchable=bool(typed) or people.pages > 1 or groups.pages > 1,
            from_provider=self.authenticator.provider_title or "",
            **names,
        )

    async def _with_use(self, people: Part[UsageRow]) -> Part[UsageRow]:
        """Add what the servers of each use at this moment, where their processes are on this machine."""
        processes: dict[str, set[int]] = {}
        for row in people.items:
            user = self.find_user(row.owner)
            for spawner in user.spawners.values() if user is not None else ():
                if spawner.active and (found := await asyncio.to_thread(spawner.process_ids)) is not None:
                    processes.setdefault(row.owner, set()).update(found)
        use = await asyncio.to_thread(measure, processes) if processes else {}
        return people.with_items([row.with_use(use.get(row.owner)) for row in people.items])

    async def _show_group(self, name: str) -> None:
        starts: Starts = self.current_user.spawners[""].starts
        group = next((one for one in view_groups(self.db, starts, "", "", only=name).items), None)
        if group is None:
            raise web.HTTPError(404, "There is no such group: it ends when nobody is in it any more.")
        typed, wanted = self._wanted()
        await self.page(
            "group.html",
            group=group,
            members=part_of([one for one in group.members if wanted in one], self.get_query_argument("page", "")),
            wanted=typed,
            searchable=len(group.members) > PAGE_SIZE,
            from_provider=self.authenticator.provider_title or "",
        )


class ResourcesHandler(_ResourcesPage):
    """The page, and that of one group."""

    @web.authenticated
    async def get(self) -> None:
        """Show it."""
        await self.require_admin()
        group = self.get_query_argument("group", "")
        await (self._show_group(group) if group else self._show())


class GroupHandler(_ResourcesPage):
    """Puts somebody into a group, or takes them out."""

    @web.authenticated
    async def post(self, action: str) -> None:
        """Do it."""
        await self.require_admin()
        if self.authenticator.provider_title is not None:
            raise web.HTTPError(409, f"Groups come from {self.authenticator.provider_title}: change them there.")
        name, group = self.field("name").lower(), self.field("group")
        try:
            check_group_name(group)
            if await self.authenticator.find_person(self.db, name) is None:
                await self._show(
                    status=404,
                    problem=f"There is nobody called {name[:40]!r}: invite them first.",
                    at="name",
                    typed_name=name,
                    typed_group=group,
                )
                return
        except LabyardError as error:
            message = error.message[0].upper() + error.message[1:] + "."
            await self._show(status=error.status_code, problem=message, at="group", typed_name=name, typed_group=group)
            return
        self._change(name, group, join=action == "add")
        back = self.hub_link("admin", "resources")
        if self.field("back") == "group" and orm.Group.find(self.db, group) is not None:
            back += "?" + urlencode({"group": group})
        self.redirect(back)

    def _change(self, name: str, group: str, *, join: bool) -> None:
        # A hub user is made for who never came.
        user = (self.find_user(name) or self.user_from_username(name)).orm_user
        found = orm.Group.find(self.db, group)
        if found is None and join:
            found = orm.Group(name=group)
            self.db.add(found)
        if found is not None and join and user not in found.users:
            found.users.append(user)
        elif found is not None and not join and user in found.users:
            found.users.remove(user)
            if not found.users:
                self.db.delete(found)
        self.db.commit()
