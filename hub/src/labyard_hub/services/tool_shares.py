"""Running tools that members share with a project."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from labyard.exceptions import NotAllowedError, ShareNotFoundError
from labyard.models.user import User
from labyard.permissions import MATRIX, Capability, capabilities_of, grants
from labyard_hub.domain.records import ToolShareRecord
from labyard_hub.services.enforcement import Enforcement
from labyard_hub.services.members import present_members
from labyard_hub.services.project_access import Entry, ProjectAccess
from labyard_hub.services.protocols import ProjectServers

__all__ = ["ToolSharing"]


class ToolSharing:
    """What can be done with shared tools.

    Parameters
    ----------
    access
        Who may.
    servers
        Lets people reach somebody's server.
    enforcement
        Takes that back.
    """

    def __init__(self, access: ProjectAccess, servers: ProjectServers, enforcement: Enforcement) -> None:
        self._access, self._servers, self._enforcement = access, servers, enforcement

    async def list(self, caller: User, name: str) -> Sequence[ToolShareRecord]:
        """Return the tools that members share.

        Raises
        ------
        ProjectNotFoundError
            If the caller is in no project of that name.
        """
        async with self._access.reading(caller, name, Capability.SEE) as entry:
            return await self._present(entry)

    async def share(self, caller: User, name: str, server: str, instance: str, title: str) -> ToolShareRecord:
        """Share a running tool of the caller's own server with the members.

        Raises
        ------
        ShareExistsError
            If it is shared there already.
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        """
        async with self._access.writing(caller, name, Capability.SHARE_TOOL) as entry:
            share = ToolShareRecord(secrets.token_hex(8), entry.project.id, caller.name, server, instance, title, entry.now)
            await entry.tx.tool_shares.add(share)
            await entry.record("tool.shared", instance, title=title)
        return share

    async def unshare(self, caller: User, name: str, share_id: str) -> None:
        """End it; the user who shared it may, and owners.

        Raises
        ------
        ShareNotFoundError
            If nothing is shared under that identifier.
        ProjectNotFoundError, NotAllowedError
            As everywhere.
        HubUnavailableError
            If the hub does not answer. The tool itself lets nobody in any more.
        """
        async with self._access.writing(caller, name, Capability.SEE) as entry:
            share = await entry.tx.tool_shares.get(share_id)
            if share is None or share.project_id != entry.project.id:
                raise ShareNotFoundError.of("tool")
            if share.owner != caller.name and not grants(entry.role, Capability.MANAGE_MEMBERS):
                raise NotAllowedError.of("stop sharing a tool of somebody else", name, entry.role, MATRIX[Capability.MANAGE_MEMBERS].role)
            await entry.tx.tool_shares.remove([share_id])
            await entry.record("tool.unshared", share.instance, title=share.title)
        await self._enforcement.settle_tools(share.owner, share.server)

    async def open(self, caller: User, name: str, share_id: str) -> ToolShareRecord:
        """Let the caller reach a shared tool.

        Raises
        ------
        ShareNotFoundError
            If it is shared no longer, or its owner is no member any more.
        ProjectNotFoundError, ProjectArchivedError
            As everywhere.
        HubUnavailableError
            If the hub does not answer.
        """
        async with self._access.reading(caller, name, Capability.OPEN_SHARED_TOOL) as entry:
            share = next((share for share in await self._present(entry) if share.id == share_id), None)
        if share is None:
            raise ShareNotFoundError.of("tool")
        if share.owner != caller.name:
            await self._servers.allow_tool(share.owner, share.server, caller.name)
        return share

    async def visitor(self, owner: str, server: str | None, instance: str, user: str) -> frozenset[Capability]:
        """Return what `user` may do with a tool in a server of `owner`, by all projects that it is shared with.

        Parameters
        ----------
        server
            Name of the server; None where it is not known.
        """
        found: frozenset[Capability] = frozenset()
        async with self._access.store.read() as tx:
            for share in await tx.tool_shares.of_owner(owner):
                if share.instance != instance or server not in (None, share.server):
                    continue
                project = await tx.projects.get(share.project_id)
                role = await self._access.role_of(tx, share.project_id, user)
                sharer = await self._access.role_of(tx, share.project_id, owner)
                if project is not None and grants(sharer, Capability.SHARE_TOOL, archived=project.archived):
                    found |= capabilities_of(role, archived=project.archived)
        return found

    async def _present(self, entry: Entry) -> Sequence[ToolShareRecord]:
        """Return the shares of members who still may share."""
        members = {member.user: member.role for member in await present_members(entry.tx, self._access, entry.project.id)}
        shares = await entry.tx.tool_shares.of_project(entry.project.id)
        return [share for share in shares if grants(members.get(share.owner), Capability.SHARE_TOOL)]
