"""Projects: make, list, change, archive, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labyard.exceptions import LabyardError
from labyard.models.user import User
from labyard.permissions import Capability, Role
from labyard_hub.domain.projects import check_project_name, new_project_id
from labyard_hub.domain.records import MemberRecord, ProjectRecord
from labyard_hub.exceptions import ConfirmationNeededError, ProjectLimitError
from labyard_hub.services.enforcement import Enforcement
from labyard_hub.services.project_access import Entry, ProjectAccess

__all__ = ["FoundProject", "Projects"]

FoundProject = tuple[ProjectRecord, Role, int, tuple[str, ...]]
"""A project, the caller's role, the number of members, the names of some."""

_SOME_MEMBERS = 5


class Projects:
    """What can be done with projects.

    Parameters
    ----------
    access
        Who may.
    enforcement
        Folders and servers.
    limit_per_user
        How many projects one person may own.
    """

    def __init__(self, access: ProjectAccess, enforcement: Enforcement, *, limit_per_user: int) -> None:
        self._access, self._enforcement, self._limit = access, enforcement, limit_per_user

    async def create(self, caller: User, name: str, display_name: str | None, description: str) -> FoundProject:
        """Make a project; the caller becomes its owner.

        Raises
        ------
        InvalidProjectNameError
            If no project may be called so.
        ProjectExistsError
            If the name is taken.
        ProjectLimitError
            If the caller owns too many.
        ProjectFilesError
            If the folder cannot be made. There is no project then.
        """
        now = self._access.clock()
        generation = self._access.generation(caller.name)
        project = ProjectRecord(
            new_project_id(check_project_name(name)), name, display_name or name, description, now, caller.name, now, archived_at=None
        )
        async with self._access.store.write() as tx:
            if await tx.projects.count_owned(caller.name, generation) >= self._limit:
                raise ProjectLimitError(self._limit)
            await tx.projects.add(project)
            await tx.members.put(MemberRecord(project.id, caller.name, generation, Role.OWNER, now, caller.name))
            await Entry(tx, project, caller.name, Role.OWNER, now).record("project.created")
        try:
            await self._enforcement.apply(project.id)
        except LabyardError as error:
            async with self._access.store.write() as tx:
                await tx.projects.update(project.id, now, {"deleted_at": now})
            raise error.__cause__ if isinstance(error.__cause__, LabyardError) else error from None
        return project, Role.OWNER, 1, (caller.name,)

    async def list(self, caller: User, *, archived: bool | None, after: str, limit: int) -> Sequence[FoundProject]:
        """Return the caller's projects by name, beginning after the name `after`."""
        async with self._access.store.read() as tx:
            generation = self._access.generation(caller.name)
            found = await tx.projects.of_user(caller.name, generation, archived=archived, after=after, limit=limit)
            some = await tx.members.some_of([project.id for project, _, _ in found], _SOME_MEMBERS)
            return [(project, role, count, some[project.id]) for project, role, count in found]

    async def get(self, caller: User, name: str) -> FoundProject:
        """Return one of the caller's projects.

        Raises
        ------
        ProjectNotFoundError
            If they are in none of that name.
        """
        async with self._access.reading(caller, name, Capability.SEE) as entry:
            return await self._found(entry)

    async def change(self, caller: User, name: str, changes: dict[str, Any]) -> FoundProject:
        """Change display name and description.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        """
        async with self._access.writing(caller, name, Capability.CHANGE) as entry:
            changed = {field: value for field, value in changes.items() if value is not None and value != getattr(entry.project, field)}
            if changed:
                await entry.tx.projects.update(entry.project.id, entry.now, changed)
                await entry.record("project.changed", fields=[field.replace("_", " ") for field in sorted(changed)])
        return await self.get(caller, name)

    async def set_archived(self, caller: User, name: str, archived: bool) -> FoundProject:
        """Archive a project, so that it can only be read, or restore it.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError
            As everywhere.
        EnforcementPendingError
            If the folder does not follow at once.
        """
        async with self._access.writing(caller, name, Capability.ARCHIVE) as entry:
            project_id, changes = entry.project.id, entry.project.archived != archived
            if changes:
                await entry.tx.projects.update(project_id, entry.now, {"archived_at": entry.now if archived else None})
                await entry.record("project.archived" if archived else "project.restored")
        if changes:
            await self._enforcement.apply(project_id)
        return await self.get(caller, name)

    async def delete(self, caller: User, name: str, confirm: str | None) -> None:
        """Delete a project: nobody has any right to it from now on, and its folder goes to the trash.

        Raises
        ------
        ConfirmationNeededError
            If `confirm` is not the name. Nothing is done.
        ProjectNotFoundError, NotAllowedError
            As everywhere.
        EnforcementPendingError
            If the folder does not follow at once.
        """
        async with self._access.writing(caller, name, Capability.DELETE) as entry:
            if confirm != name:
                raise ConfirmationNeededError(name)
            members = await entry.tx.members.of_project(entry.project.id)
            project = entry.project
            await entry.tx.projects.update(project.id, entry.now, {"deleted_at": entry.now})
            await entry.record("project.deleted")
        await self._enforcement.discard(project, members)

    @staticmethod
    async def _found(entry: Entry) -> FoundProject:
        project, members = entry.project, entry.tx.members
        some = await members.some_of([project.id], _SOME_MEMBERS)
        return project, entry.role, await members.count(project.id), some[project.id]
