"""What happened, in the database. Nothing changes or removes an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from labyard_hub.domain.records import EventRecord
from labyard_hub.schema.tables import events
from labyard_hub.storage.repository import Repository

__all__ = ["EventRepository"]


class EventRepository(Repository):
    """Events of projects."""

    async def add(
        self, project_id: str, *, at: datetime, actor: str, action: str, subject: str | None, details: dict[str, Any], audit_only: bool
    ) -> None:
        """Keep one."""
        await self._connection.execute(
            insert(events).values(
                project_id=project_id, at=at, actor=actor, action=action, subject=subject, details=details, audit_only=int(audit_only)
            )
        )

    async def of_project(self, project_id: str, *, audit: bool, before: int | None, limit: int) -> Sequence[EventRecord]:
        """Return events, newest first.

        Parameters
        ----------
        audit
            Those for owners too.
        before
            Only older ones than this identifier.
        """
        query = select(events).where(events.c.project_id == project_id).order_by(events.c.id.desc()).limit(limit)
        if not audit:
            query = query.where(events.c.audit_only == 0)
        if before is not None:
            query = query.where(events.c.id < before)
        return [
            EventRecord(row.id, row.project_id, row.at, row.actor, row.action, row.subject, row.details, bool(row.audit_only))
            for row in await self._connection.execute(query)
        ]

    async def version(self) -> int:
        """Return a number that grows with every change of any project, since each change is an event too."""
        return int((await self._connection.execute(select(func.coalesce(func.max(events.c.id), 0)))).scalar_one())

    async def last(self, project_id: str, action: str, subject: str) -> EventRecord | None:
        """Return the newest event of this action about `subject`."""
        newest = select(func.max(events.c.id)).where(
            events.c.project_id == project_id, events.c.action == action, events.c.subject == subject
        )
        row = (await self._connection.execute(select(events).where(events.c.id == newest.scalar_subquery()))).first()
        if row is None:
            return None
        return EventRecord(row.id, row.project_id, row.at, row.actor, row.action, row.subject, row.details, bool(row.audit_only))
