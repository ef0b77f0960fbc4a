"""Who visits, and whether they may have what they ask for: one answer per kind of server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from labyard.models.authorization import Role
from labyard_lab.visitors.policy import is_tool, may_use_project_server, may_use_tool
from labyard_lab.visitors.roles import Roles

__all__ = ["Access", "Ask", "PersonalServer", "ProjectServer"]


@dataclass(frozen=True)
class Ask:
    """What somebody wants of the server.

    Attributes
    ----------
    user
        Name.
    handler
        Class that would serve them.
    method
        Of the request.
    is_websocket
        Whether it is to become one.
    instance
        The tool that it is for; None if it is for none.
    """

    user: str
    handler: type
    method: str
    is_websocket: bool
    instance: str | None


class Access(Protocol):
    """Decides for one kind of server."""

    closed: bool
    """Whether nobody gets in who has not signed in, but to what Jupyter Server marks as open to all."""

    def is_owner(self, user: str) -> bool:
        """Whether it is the server's own user, about whom nobody has to be asked."""

    async def role(self, ask: Ask) -> Role | None:
        """Return the role that decides; None if they have none."""

    def last_role(self, ask: Ask) -> Role | None:
        """Return the same without waiting."""

    def allows(self, ask: Ask, role: Role | None) -> bool:
        """Return whether somebody with that role may."""


class ProjectServer:
    """A project's server, which its members visit.

    Parameters
    ----------
    owner
        The hub's user that owns it: the project's identifier. Whoever has that user's token is a process of this server.
    roles
        Tells members' roles.
    """

    closed = True

    def __init__(self, owner: str, roles: Roles) -> None:
        self._owner, self._roles = owner, roles

    def is_owner(self, user: str) -> bool:
        """Whether it is a process of this server."""
        return user == self._owner

    async def role(self, ask: Ask) -> Role | None:
        """Return the member's role."""
        return Role.EDITOR if self.is_owner(ask.user) else await self._roles.of(ask.user)

    def last_role(self, ask: Ask) -> Role | None:
        """Return the member's role as far as it is known."""
        return Role.EDITOR if self.is_owner(ask.user) else self._roles.last(ask.user)

    def allows(self, ask: Ask, role: Role | None) -> bool:
        """Return whether a member with that role may."""
        return may_use_project_server(role, ask.handler, ask.method, is_websocket=ask.is_websocket)


class PersonalServer:
    """Somebody's own server. Others get to tools of theirs that are shared with them, and no further.

    Parameters
    ----------
    owner
        Name of the user.
    roles
        Tells who may use which tool.
    """

    closed = False

    def __init__(self, owner: str, roles: Roles) -> None:
        self._owner, self._roles = owner, roles

    def is_owner(self, user: str) -> bool:
        """Whether it is their own server."""
        return user == self._owner

    async def role(self, ask: Ask) -> Role | None:
        """Return the visitor's role with the tool."""
        if self.is_owner(ask.user):
            return Role.OWNER
        return await self._roles.of(ask.user, ask.instance) if self._is_for_a_tool(ask) else None

    def last_role(self, ask: Ask) -> Role | None:
        """Return the visitor's role as far as it is known."""
        if self.is_owner(ask.user):
            return Role.OWNER
        return self._roles.last(ask.user, ask.instance) if self._is_for_a_tool(ask) else None

    def allows(self, ask: Ask, role: Role | None) -> bool:
        """Return whether somebody with that role may."""
        if self.is_owner(ask.user):
            return True
        return self._is_for_a_tool(ask) and may_use_tool(role, ask.method, is_websocket=ask.is_websocket)

    @staticmethod
    def _is_for_a_tool(ask: Ask) -> bool:
        return bool(ask.instance) and is_tool(ask.handler)
