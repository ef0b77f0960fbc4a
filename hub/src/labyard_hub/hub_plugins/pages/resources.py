"""What administrators see of hardware and quotas, and where they put people into groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jupyterhub import orm
from tornado import web

from labyard.exceptions import LabyardError
from labyard.units import format_bytes
from labyard_hub.config.quotas import Quota
from labyard_hub.domain.names import check_group_name
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.quotas import Usage
from labyard_hub.domain.scopes import PROJECT_GROUP
from labyard_hub.hub_plugins.choices import Starts
from labyard_hub.hub_plugins.pages.base import Page
from labyard_hub.hub_plugins.pages.start_view import view_all_profiles
from labyard_hub.hub_plugins.pages.visits import project_name

__all__ = ["GroupHandler", "ResourcesHandler"]


@dataclass(frozen=True)
class UsageRow:
    """What somebody, a group or a project uses, with the quota behind each figure where there is one."""

    name: str
    figures: tuple[tuple[str, str], ...]


class _ResourcesPage(Page):
    async def _show(self, **names: Any) -> None:
        starts: Starts = self.current_user.spawners[""].starts
        quotas = starts.settings.quotas
        groups = [group for group in self.db.query(orm.Group).order_by(orm.Group.name) if group.name != PROJECT_GROUP]
        members = {group.name: sorted(user.name for user in group.users) for group in groups}
        owners = sorted({owner for owner, _ in starts.taken})
        wanted = {group for one in starts.settings.profiles for group in one.groups} | set(quotas.groups)
        rows = [
            usage_row(
                project_name(owner) if is_project_id(owner) else owner,
                starts.used_by([owner]),
                quotas.projects if is_project_id(owner) else quotas.users,
            )
            for owner in owners
        ]
        await self.page(
            "resources.html",
            profiles=await view_all_profiles(starts),
            people=rows,
            groups=[
                usage_row(name, starts.used_by(members.get(name, ())), quotas.groups.get(name, Quota()))
                for name in sorted(wanted | set(members))
            ],
            members=members,
            from_provider=self.authenticator.provider_title or "",
            **names,
        )


class ResourcesHandler(_ResourcesPage):
    """The page."""

    @web.authenticated
    async def get(self) -> None:
        """Show it."""
        await self.require_admin()
        await self._show()


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
        self.redirect(self.hub_link("admin", "resources"))

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


def usage_row(name: str, used: Usage, quota: Quota) -> UsageRow:
    """Return what is shown of `name`."""
    figures = []
    for label, field in (("Servers", "servers"), ("CPU", "cpu_cores"), ("Memory", "memory_bytes"), ("GPU", "gpus")):
        text = format_bytes if field == "memory_bytes" else "{:g}".format
        limit = getattr(quota, field)
        value = getattr(used, field)
        figures.append((label, f"{text(value)} of {text(limit)}" if limit is not None else text(value)))
    return UsageRow(name, tuple(figures))
