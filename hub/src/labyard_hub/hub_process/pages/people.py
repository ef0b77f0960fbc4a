"""The admin page: people, invitations, servers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tornado import web

from labyard.exceptions import LabyardError
from labyard.units import parse_seconds
from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.hub_process.pages.paging import PAGE_SIZE, part_of
from labyard_hub.hub_process.pages.servers import ServerView, view_servers
from labyard_hub.storage.identity import User

__all__ = ["InvitationsHandler", "PeopleHandler", "PersonHandler", "RemovePersonHandler", "RevokeHandler"]

MIN_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS = 60, 90 * 86400


@dataclass(frozen=True)
class PersonView:
    """A user, with what the hub knows of them; `last_activity` is None for who never came."""

    user: User
    last_activity: datetime | None
    servers: tuple[ServerView, ...]


class _AdminPage(Page):
    async def _show(self, **names: Any) -> None:
        try:
            users = await self.authenticator.list_people(self.db)
            kept_here = self.authenticator.provider_title is None
            invitations = await self.identity.call(self.store.list_invitations) if kept_here else []
        except LabyardError as error:
            raise http_error(error) from error
        lifetime = self.authenticator.settings.invitation_lifetime_seconds
        wanted = self.get_query_argument("q", "")[:60]
        part = part_of([user for user in users if wanted.strip().lower() in user.name], self.get_query_argument("page", ""))
        await self.page(
            "admin.html",
            people=[self._view(user) for user in part.items],  # each is looked up in the hub, which takes too long for all of thousands
            part=part,
            wanted=wanted,
            searchable=len(users) > PAGE_SIZE,
            invitations=invitations,
            lifetime=lifetime,
            **names,
        )

    def _view(self, user: User) -> PersonView:
        hub_user = self.find_user(user.name)
        if hub_user is None:
            return PersonView(user, user.last_sign_in_at, ())
        last = hub_user.last_activity
        servers = tuple(one for one in view_servers(hub_user) if one.state not in ("stopped", "failed"))
        return PersonView(user, last.replace(tzinfo=UTC) if last else user.last_sign_in_at, servers)


class PeopleHandler(_AdminPage):
    """The page."""

    @web.authenticated
    async def get(self) -> None:
        """Show it."""
        await self.require_admin()
        await self._show(done=self.get_query_argument("done", "")[:40], who=self.get_query_argument("who", "")[:40])


class InvitationsHandler(_AdminPage):
    """Makes invitations."""

    @web.authenticated
    async def post(self) -> None:
        """Make one, and show its link this once: only a hash of it is kept."""
        admin = await self.require_admin()
        name = self.authenticator.normalize_username(self.field("name"))
        try:
            lifetime = parse_seconds(self.field("lifetime") or "7d")
            if not MIN_LIFETIME_SECONDS <= lifetime <= MAX_LIFETIME_SECONDS:
                raise ValueError
        except ValueError:
            await self._show(status=400, problem="An invitation lasts from a minute to 90 days, such as 7d.", at="invite", typed_name=name)
            return
        try:
            token = await self.identity.call(
                self.store.create_invitation, name, self.field("role") == "admin", lifetime, created_by=admin.name
            )
        except LabyardError as error:
            await self._show(status=error.status_code, problem=error.message, at="invite", typed_name=name)
            return
        await self._show(link=self.public_link(self.hub_link("invite") + f"?token={token}"), link_for=name, link_kind="invitation")


class RevokeHandler(_AdminPage):
    """Takes an invitation back."""

    @web.authenticated
    async def post(self, number: str) -> None:
        """Take it back."""
        await self.require_admin()
        try:
            link = await self.identity.call(self.store.revoke_invitation, int(number))
        except LabyardError as error:
            raise http_error(error) from error
        self.redirect(self.hub_link("admin") + f"?done=revoked&who={link.name}")


class PersonHandler(_AdminPage):
    """Changes somebody's role, or makes a link to a new password."""

    @web.authenticated
    async def post(self, name: str, action: str) -> None:
        """Do it."""
        admin = await self.require_admin()
        try:
            if action == "reset":
                lifetime = self.authenticator.settings.invitation_lifetime_seconds
                token = await self.identity.call(self.store.create_reset, name, lifetime, created_by=admin.name)
                await self._show(link=self.public_link(self.hub_link("invite") + f"?token={token}"), link_for=name, link_kind="reset")
                return
            await self.identity.call(self.store.set_admin, name, action == "promote")
        except LabyardError as error:
            await self._show(status=error.status_code, problem=error.message)
            return
        hub_user = self.find_user(name)
        if hub_user is not None:
            await self.auth_to_user({"name": name, "admin": action == "promote"}, hub_user)
        self.redirect(self.hub_link("admin") + f"?done={action}&who={name}")


class RemovePersonHandler(_AdminPage):
    """Asks, then removes somebody with their servers; their home goes to the trash."""

    async def _checked(self, name: str) -> User:
        admin = await self.require_admin()
        if name == admin.name:
            raise web.HTTPError(409, "You cannot remove yourself: ask another administrator.")
        user: User | None = await self.authenticator.find_person(self.db, name)
        if user is None:
            raise web.HTTPError(404, "There is no such user.")
        return user

    @web.authenticated
    async def get(self, name: str) -> None:
        """Ask."""
        await self.page("remove.html", person=self._view(await self._checked(name)))

    @web.authenticated
    async def post(self, name: str) -> None:
        """Remove them."""
        user = await self._checked(name)
        # A hub user is made for who never came: one way of removing serves both.
        hub_user = self.find_user(user.name) or self.user_from_username(user.name)
        await self.authenticator.delete_user(hub_user)
        await hub_user.delete_spawners()
        self.users.delete(hub_user)
        self.redirect(self.hub_link("admin") + f"?done=removed&who={user.name}")
