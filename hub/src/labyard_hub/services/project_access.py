"""The one way into a project: who calls, what they want, whether they may."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labyard.exceptions import NotAllowedError, ProjectArchivedError, ProjectNotFoundError
from labyard.models.user import User
from labyard.permissions import MATRIX, Capability, Role, grants
from labyard_hub.domain.events import is_audit_only
from labyard_hub.domain.records import ProjectRecord
from labyard_hub.storage.store import Store, Transaction

__all__ = ["Entry", "ProjectAccess", "utc_now"]

REFUSAL_INTERVAL = timedelta(minutes=1)
"""How often the same refusal to the same user is recorded, in seconds: a loop must not fill the database."""
MAX_REFUSALS_KEPT = 10_000


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Entry:
    """A person who is let in.

    Attributes
    ----------
    caller
        Name of the user.
    role
        Theirs.
    """

    tx: Transaction
    project: ProjectRecord
    caller: str
    role: Role
    now: datetime

    async def record(self, action: str, subject: str | None = None, **details: Any) -> None:
        """Write down what the caller does, in the same transaction."""
        await self.tx.events.add(
            self.project.id,
            at=self.now,
            actor=self.caller,
            action=action,
            subject=subject,
            details=details,
            audit_only=is_audit_only(action),
        )


class ProjectAccess:
    """Lets callers into projects.

    Parameters
    ----------
    store
        The records.
    generation
        How many people have had a user's name before.
    clock
        The time.
    """

    def __init__(self, store: Store, generation: Callable[[str], int], clock: Callable[[], datetime] = utc_now) -> None:
        self.store, self.generation, self.clock = store, generation, clock
        self._refusals: OrderedDict[tuple[str, str, Capability], datetime] = OrderedDict()

    @asynccontextmanager
    async def reading(self, caller: User, name: str, action: Capability) -> AsyncIterator[Entry]:
        """Let `caller` look at the project `name`.

        Raises
        ------
        ProjectNotFoundError
            If there is none, or the caller is no member.
        NotAllowedError
            If their role is too low. It is written down for the owners.
        ProjectArchivedError
            If the project is archived and `action` would change it.
        """
        refused: tuple[ProjectRecord, NotAllowedError] | None = None
        async with self.store.read() as tx:
            project, role = await self._find(tx, caller, name, lock=False)
            refused = self._refusal(project, role, action)
            if refused is None:
                yield Entry(tx, project, caller.name, role, self.clock())
        if refused is not None:
            await self._refuse(caller, action, *refused)

    @asynccontextmanager
    async def writing(self, caller: User, name: str, action: Capability) -> AsyncIterator[Entry]:
        """Let `caller` change the project `name`; nobody else changes it, or its members, until the block ends.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As in `reading`.
        """
        refused: tuple[ProjectRecord, NotAllowedError] | None = None
        async with self.store.write() as tx:
            project, role = await self._find(tx, caller, name, lock=True)
            refused = self._refusal(project, role, action)
            if refused is None:
                yield Entry(tx, project, caller.name, role, self.clock())
        if refused is not None:
            await self._refuse(caller, action, *refused)

    async def role_of(self, tx: Transaction, project_id: str, user: str) -> Role | None:
        """Return the role of `user`; None if they are no member."""
        member = await tx.members.get(project_id, user)
        return member.role if member is not None and member.generation == self.generation(user) else None

    async def _find(self, tx: Transaction, caller: User, name: str, *, lock: bool) -> tuple[ProjectRecord, Role]:
        project = await tx.projects.find(name, lock=lock)
        role = await self.role_of(tx, project.id, caller.name) if project is not None else None
        if project is None or role is None:
            raise ProjectNotFoundError.of(name)
        return project, role

    @staticmethod
    def _refusal(project: ProjectRecord, role: Role, action: Capability) -> tuple[ProjectRecord, NotAllowedError] | None:
        if not grants(role, action):
            permission = MATRIX[action]
            return project, NotAllowedError.of(permission.text[0].lower() + permission.text[1:], project.name, role, permission.role)
        if not grants(role, action, archived=project.archived):
            raise ProjectArchivedError.of(project.name)
        return None

    async def _refuse(self, caller: User, action: Capability, project: ProjectRecord, error: NotAllowedError) -> None:
        now = self.clock()
        key = (caller.name, project.id, action)
        last = self._refusals.get(key)
        if last is None or now - last >= REFUSAL_INTERVAL:
            self._refusals[key] = now
            self._refusals.move_to_end(key)
            while len(self._refusals) > MAX_REFUSALS_KEPT:
                self._refusals.popitem(last=False)
            details = {"what": MATRIX[action].text, "action": action.value}
            async with self.store.write() as tx:
                await tx.events.add(
                    project.id, at=now, actor=caller.name, action="access.refused", subject=None, details=details, audit_only=True
                )
        raise error
