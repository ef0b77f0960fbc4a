"""Projects' folders on a cluster: folders on one volume, and access by what pods have mounted of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from labyard.exceptions import LabyardError
from labyard.permissions import Capability
from labyard_hub.domain.loops import repeat
from labyard_hub.domain.projects import DesiredProject

__all__ = ["ClusterProjectFiles", "Folders", "Mounts", "keep_mounts"]

KEEP_SECONDS = 30.0

_log = structlog.get_logger("labyard.mounts")


class Folders(Protocol):
    """Makes and removes folders; who can get at them is not its business here."""

    async def apply(self, project: DesiredProject) -> None:
        """Make the folder where it is missing."""

    async def discard(self, project: DesiredProject) -> None:
        """Move the folder to the trash."""


class Mounts(Protocol):
    """The pods."""

    async def limit_mounts(self, project_id: str, rights: Mapping[str, bool]) -> None:
        """Stop the pods that have more of a project than `rights` allow."""


class ClusterProjectFiles:
    """Brings folders and running pods into line with who is in a project.

    A new member has the folder from the next start of their server on. A person who was removed, or may only read now, loses it at once: their pod is stopped.

    Parameters
    ----------
    folders
        On the volume that pods mount parts of.
    mounts
        The pods.
    """

    def __init__(self, folders: Folders, mounts: Mounts) -> None:
        self._folders, self._mounts = folders, mounts

    async def apply(self, project: DesiredProject) -> None:
        """Make the folder where it is missing, and stop the pods that have too much of it.

        Raises
        ------
        ProjectFilesError
            If the folder cannot be made.
        HubUnavailableError
            If the hub does not answer, or a pod does not end.
        """
        await self._folders.apply(project)
        await self._mounts.limit_mounts(project.id, _rights(project))

    async def discard(self, project: DesiredProject) -> None:
        """Take the folder away from every pod, and move it to the trash; the errors are those of `apply`."""
        await self._mounts.limit_mounts(project.id, {})
        await self._folders.discard(project)


async def keep_mounts(
    mounts: Mounts, desired: Callable[[], Awaitable[Sequence[DesiredProject]]], stop: asyncio.Event, every_seconds: float = KEEP_SECONDS
) -> None:
    """Compare what pods have with what their owners may, first at once, since the service may have been killed in between, and again when something changed.

    Parameters
    ----------
    desired
        Returns all projects, and the same object as before while nothing changes.
    """
    settled: Sequence[DesiredProject] | None = None

    async def look() -> None:
        nonlocal settled
        try:
            projects = await desired()
            if projects is not settled:
                for project in projects:
                    await mounts.limit_mounts(project.id, _rights(project))
                settled = projects
        except LabyardError as error:
            _log.warning("what pods have of projects could not be compared", problem=error.message)

    await repeat(look, stop, every_seconds=every_seconds)


def _rights(project: DesiredProject) -> dict[str, bool]:
    return {user: Capability.WRITE_FILES in capabilities for user, capabilities in project.members if Capability.READ_FILES in capabilities}
