"""Makes the world outside agree with who is in which project: folders, the project's server, shared tools."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import structlog

from labyard.exceptions import LabyardError
from labyard.models.sharing import ProjectServerState
from labyard.permissions import Capability
from labyard_hub.domain.loops import repeat
from labyard_hub.domain.records import MemberRecord, ProjectRecord
from labyard_hub.exceptions import EnforcementPendingError
from labyard_hub.services.gone_people import gone_people
from labyard_hub.services.protocols import DesiredProject, ProjectFiles, ProjectServers
from labyard_hub.storage.store import Store

__all__ = ["Enforcement"]

RETRY_SECONDS = 3.0

_log = structlog.get_logger("labyard.enforcement")


class Enforcement:
    """Applies what the records say, in their order, and again until it succeeds.

    Parameters
    ----------
    store
        The records.
    files, servers
        What is brought into line.
    generation
        How many people have had a user's name before.
    clock
        The time.
    """

    def __init__(
        self, store: Store, files: ProjectFiles, servers: ProjectServers, generation: Callable[[str], int], clock: Callable[[], datetime]
    ) -> None:
        self._store, self._files, self._servers, self._generation, self._clock = store, files, servers, generation, clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pending: set[str] = set()
        self._ending: set[str] = set()
        """Projects whose server has processes of a person who lost the right to work in it."""
        self._leaving: dict[str, DesiredProject] = {}
        # With thousands of projects, what all shall be is not worked out again before something changes.
        self._all: tuple[object, Sequence[DesiredProject]] | None = None

    async def apply(self, project_id: str, *, ends_server: bool = False) -> None:
        """Bring the folder and the server of one project into line with its records.

        With `ends_server` the server stops, since a person who worked in it may no longer: their processes in it act by its account and its token.

        The records are read after the lock is taken, so the last to come applies the newest state, whatever the order of arrival was.

        Raises
        ------
        EnforcementPendingError
            If that does not succeed now. It is tried again by `run`.
        """
        self._all = None
        self._pending.add(project_id)
        if ends_server:
            self._ending.add(project_id)
        try:
            async with self._locks[project_id]:
                desired = await self._desired_one(project_id)
                if desired is None:
                    self._pending.discard(project_id)
                    return
                if (
                    Capability.WRITE_FILES not in desired.server
                    and (await self._servers.status(project_id)).state is not ProjectServerState.STOPPED
                ):
                    # Its account owns files, and so could make them writable again.
                    await self._servers.stop(project_id)
                await self._files.apply(desired)
                await self._set_visitors(desired)
                if project_id in self._ending:
                    await self._servers.stop(project_id)
                    self._ending.discard(project_id)
            await self._settle_tools_of(project_id)
        except LabyardError as error:
            raise EnforcementPendingError(error.message) from error
        self._pending.discard(project_id)

    async def let_members_in(self, project_id: str) -> None:
        """Let all members open the project's server who may. The hub knows the server since its first start.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        async with self._locks[project_id]:
            desired = await self._desired_one(project_id)
            if desired is not None:
                await self._set_visitors(desired)

    async def _set_visitors(self, desired: DesiredProject) -> None:
        await self._servers.set_visitors(desired.id, [user for user, may in desired.members if Capability.OPEN_SERVER in may])

    async def settle_tools(self, owner: str, server: str) -> None:
        """Let nobody reach a server of `owner` who has no tool to open there. The server itself asks about each visitor, whatever the hub lets through.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        visitors: set[str] = set()
        async with self._store.read() as tx:
            for share in await tx.tool_shares.of_owner(owner):
                project = await tx.projects.get(share.project_id) if share.server == server else None
                if project is not None:
                    members = dict(self._desired(project, await tx.members.of_project(project.id)).members)
                    if Capability.SHARE_TOOL in members.get(owner, ()):
                        visitors.update(user for user, may in members.items() if Capability.OPEN_SHARED_TOOL in may)
        await self._servers.set_tool_visitors(owner, server, visitors - {owner})

    async def _settle_tools_of(self, project_id: str) -> None:
        async with self._store.read() as tx:
            servers = {(share.owner, share.server) for share in await tx.tool_shares.of_project(project_id)}
        for owner, server in sorted(servers):
            await self.settle_tools(owner, server)

    async def discard(self, project: ProjectRecord, members: Iterable[MemberRecord]) -> None:
        """Take a deleted project's folder and server away.

        Raises
        ------
        EnforcementPendingError
            If that does not succeed now. It is tried again by `run`; its members have no rights to it any more all the same.
        """
        self._all = None
        self._leaving[project.id] = self._desired(project, members)
        await self._discard(project.id)

    async def _discard(self, project_id: str) -> None:
        try:
            async with self._locks[project_id]:
                await self._files.discard(self._leaving[project_id])
                await self._servers.remove(project_id)
            await self._settle_tools_of(project_id)
        except LabyardError as error:
            raise EnforcementPendingError(error.message) from error
        async with self._store.write() as tx:
            await tx.projects.update(project_id, self._clock(), {"discarded_at": self._clock()})
        del self._leaving[project_id]

    async def desired(self) -> Sequence[DesiredProject]:
        """Return what all folders shall be."""
        async with self._store.read() as tx:
            version = await tx.events.version(), await gone_people(tx, self._generation)
            if self._all is None or version != self._all[0]:
                members: defaultdict[str, list[MemberRecord]] = defaultdict(list)
                for member in await tx.members.all():
                    members[member.project_id].append(member)
                found = [self._desired(project, members[project.id]) for project in await tx.projects.all()]
                self._all = version, found
                return found
            return self._all[1]

    async def run(self, stop: asyncio.Event, every_seconds: float = RETRY_SECONDS) -> None:
        """Try again what did not succeed, also before a crash, until `stop` is set."""
        async with self._store.read() as tx:
            self._leaving |= {project.id: self._desired(project, ()) for project in await tx.projects.leftover()}
        await repeat(self._retry_all, stop, every_seconds=every_seconds)

    async def _retry_all(self) -> None:
        for project_id in tuple(self._pending):
            await self._retry(project_id, self.apply)
        for project_id in tuple(self._leaving):
            await self._retry(project_id, self._discard)

    @staticmethod
    async def _retry(project_id: str, act: Callable[[str], Awaitable[None]]) -> None:
        try:
            await act(project_id)
        except EnforcementPendingError as error:
            _log.warning("a project could not be brought into line", project=project_id, problem=error.message)
        except Exception:  # noqa: BLE001  # whatever it is, the others must be tried too
            _log.exception("a project could not be brought into line", project=project_id)

    async def _desired_one(self, project_id: str) -> DesiredProject | None:
        async with self._store.read() as tx:
            project = await tx.projects.get(project_id)
            return self._desired(project, await tx.members.of_project(project_id)) if project is not None else None

    def _desired(self, project: ProjectRecord, members: Iterable[MemberRecord]) -> DesiredProject:
        present = [member for member in members if member.generation == self._generation(member.user)]
        return DesiredProject.of(project.id, project.name, ((member.user, member.role) for member in present), archived=project.archived)
