"""What happened in a project."""

from __future__ import annotations

from collections.abc import Sequence

from labyard.models.user import User
from labyard.permissions import Capability, grants
from labyard_hub.domain.records import EventRecord
from labyard_hub.services.project_access import ProjectAccess

__all__ = ["Activity"]


class Activity:
    """Events of projects.

    Parameters
    ----------
    access
        Who may see them.
    """

    def __init__(self, access: ProjectAccess) -> None:
        self._access = access

    async def list(self, caller: User, name: str, *, before: int | None, limit: int) -> Sequence[EventRecord]:
        """Return what happened, newest first; owners see links and refusals too.

        Raises
        ------
        ProjectNotFoundError
            If the caller is in no project of that name.
        """
        async with self._access.reading(caller, name, Capability.SEE_ACTIVITY) as entry:
            audit = grants(entry.role, Capability.SEE_AUDIT, archived=entry.project.archived)
            return await entry.tx.events.of_project(entry.project.id, audit=audit, before=before, limit=limit)
