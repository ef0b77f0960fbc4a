"""Who visits, and whether they may have what they ask for: one answer per kind of server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from labyard.permissions import Capability
from labyard_lab.access.grants import NOTHING, Grants
from labyard_lab.access.policy import is_tool, may_use_project_server, may_use_tool

__all__ = ["Access", "Ask", "PersonalServer", "ProjectServer"]

EVERYTHING = frozenset(Capability)
"""What a server's own user may do in it."""


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

    async def capabilities(self, ask: Ask) -> frozenset[Capability] | None:
        """Return what the asking person may do here; None where it cannot be known now."""

    def last_capabilities(self, ask: Ask) -> frozenset[Capability] | None:
        """Return the same without waiting."""

    def allows(self, ask: Ask, capabilities: Collection[Capability]) -> bool:
        """Return whether people with these capabilities may have what they ask for."""

    def acts(self, capabilities: Collection[Capability]) -> bool:
        """Return whether people with these capabilities may do more here than look."""


class ProjectServer:
    """A project's server, which its members visit.

    Parameters
    ----------
    owner
        The hub's user that owns it: the project's identifier. A request with that user's token is a process of this server.
    grants
        Tells what members may do.
    """

    closed = True

    def __init__(self, owner: str, grants: Grants) -> None:
        self._owner, self._grants = owner, grants

    def is_owner(self, user: str) -> bool:
        """Whether it is a process of this server."""
        return user == self._owner

    async def capabilities(self, ask: Ask) -> frozenset[Capability] | None:
        """Return what the member may do."""
        return EVERYTHING if self.is_owner(ask.user) else await self._grants.of(ask.user)

    def last_capabilities(self, ask: Ask) -> frozenset[Capability] | None:
        """Return what the member may do as far as it is known."""
        return EVERYTHING if self.is_owner(ask.user) else self._grants.last(ask.user)

    def allows(self, ask: Ask, capabilities: Collection[Capability]) -> bool:
        """Return whether a member with these capabilities may."""
        return may_use_project_server(capabilities, ask.handler, ask.method, is_websocket=ask.is_websocket)

    def acts(self, capabilities: Collection[Capability]) -> bool:
        """Return whether a member may work here."""
        return Capability.WORK_IN_SERVER in capabilities


class PersonalServer:
    """Somebody's own server. Others get to tools of theirs that are shared with them, and no further.

    Parameters
    ----------
    owner
        Name of the user.
    grants
        Tells who may use which tool.
    """

    closed = False

    def __init__(self, owner: str, grants: Grants) -> None:
        self._owner, self._grants = owner, grants

    def is_owner(self, user: str) -> bool:
        """Whether it is their own server."""
        return user == self._owner

    async def capabilities(self, ask: Ask) -> frozenset[Capability] | None:
        """Return what the visitor may do with the tool."""
        if self.is_owner(ask.user):
            return EVERYTHING
        return await self._grants.of(ask.user, ask.instance) if self._is_for_a_tool(ask) else NOTHING

    def last_capabilities(self, ask: Ask) -> frozenset[Capability] | None:
        """Return what the visitor may do with the tool as far as it is known."""
        if self.is_owner(ask.user):
            return EVERYTHING
        return self._grants.last(ask.user, ask.instance) if self._is_for_a_tool(ask) else NOTHING

    def allows(self, ask: Ask, capabilities: Collection[Capability]) -> bool:
        """Return whether a visitor with these capabilities may."""
        if self.is_owner(ask.user):
            return True
        return self._is_for_a_tool(ask) and may_use_tool(capabilities, ask.method, is_websocket=ask.is_websocket)

    def acts(self, capabilities: Collection[Capability]) -> bool:
        """Return whether a visitor may change things in the tool."""
        return Capability.USE_SHARED_TOOL in capabilities

    @staticmethod
    def _is_for_a_tool(ask: Ask) -> bool:
        return bool(ask.instance) and is_tool(ask.handler)
