"""The server that a project's members work in together."""

from __future__ import annotations

from labyard.models.sharing import ProjectServer, ProjectServerState
from labyard.models.user import User
from labyard.permissions import Capability, Role, capabilities_of
from labyard_hub.services.enforcement import Enforcement
from labyard_hub.services.project_access import ProjectAccess
from labyard_hub.services.protocols import ProjectServers

__all__ = ["Servers"]


class Servers:
    """What can be done with projects' servers.

    Parameters
    ----------
    access
        Who may.
    servers
        The servers themselves.
    enforcement
        Lets the other members in.
    """

    def __init__(self, access: ProjectAccess, servers: ProjectServers, enforcement: Enforcement) -> None:
        self._access, self._servers, self._enforcement = access, servers, enforcement

    async def status(self, caller: User, name: str) -> ProjectServer:
        """Tell where the server stands.

        Raises
        ------
        ProjectNotFoundError
            If the caller is in no project of that name.
        """
        async with self._access.reading(caller, name, Capability.SEE) as entry:
            project_id = entry.project.id
        return await self._servers.status(project_id)

    async def open(self, caller: User, name: str) -> ProjectServer:
        """Start the server if it does not run, and let the caller in.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        HubUnavailableError
            If the hub does not answer.
        """
        async with self._access.reading(caller, name, Capability.OPEN_SERVER) as entry:
            project_id = entry.project.id
        before = await self._servers.status(project_id)
        after = await self._servers.start(project_id, caller.name)
        if before.state is ProjectServerState.STOPPED:
            await self._enforcement.let_members_in(project_id)
            async with self._access.writing(caller, name, Capability.OPEN_SERVER) as entry:
                await entry.record("server.started")
        return after

    async def enter(self, caller: User, name: str) -> str:
        """Let the caller in, start nothing, and return the server's URL path.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        HubUnavailableError
            If the hub does not answer.
        """
        async with self._access.reading(caller, name, Capability.OPEN_SERVER) as entry:
            project_id = entry.project.id
        await self._servers.allow_tool(project_id, "", caller.name)
        return (await self._servers.status(project_id)).url

    async def stop(self, caller: User, name: str) -> None:
        """Stop the server.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        HubUnavailableError
            If the hub does not answer.
        """
        async with self._access.reading(caller, name, Capability.STOP_SERVER) as entry:
            project_id = entry.project.id
        await self._servers.stop(project_id)
        async with self._access.writing(caller, name, Capability.STOP_SERVER) as entry:
            await entry.record("server.stopped")

    async def visitor(self, project_id: str, user: str) -> tuple[Role | None, frozenset[Capability]]:
        """Return the role of `user` in a project, and what they may do at its server."""
        async with self._access.store.read() as tx:
            project = await tx.projects.get(project_id)
            role = await self._access.role_of(tx, project_id, user) if project is not None else None
        return role, capabilities_of(role, archived=project is not None and project.archived)
