"""Links to join projects, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from labyard.permissions import Role
from labyard_hub.domain.records import LinkRecord
from labyard_hub.schema.tables import links
from labyard_hub.storage.repository import Repository

__all__ = ["LinkRepository"]


def _link(row: Row[Any]) -> LinkRecord:
    fields = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's name for a public thing
    return LinkRecord(**{**fields, "role": Role(fields["role"])})


class LinkRepository(Repository):
    """Links."""

    async def add(self, link: LinkRecord) -> None:
        """Keep a new one."""
        await self._connection.execute(insert(links).values(**{**asdict(link), "role": link.role.value}))

    async def get(self, link_id: str, *, lock: bool = False) -> LinkRecord | None:
        """Return one, also one that works no more.

        Parameters
        ----------
        lock
            Let nobody else use it until the transaction ends.
        """
        query = select(links).where(links.c.id == link_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).first()
        return _link(row) if row else None

    async def working(self, project_id: str, now: datetime) -> Sequence[LinkRecord]:
        """Return those of a project that still work, newest first."""
        query = (
            select(links)
            .where(links.c.project_id == project_id, links.c.revoked_at.is_(None), links.c.expires_at > now)
            .where(or_(links.c.max_uses.is_(None), links.c.uses < links.c.max_uses))
            .order_by(links.c.created_at.desc(), links.c.id)
        )
        return [_link(row) for row in await self._connection.execute(query)]

    async def revoke(self, link_id: str, at: datetime) -> None:
        """End one."""
        await self._connection.execute(update(links).where(links.c.id == link_id).values(revoked_at=at))

    async def count_use(self, link_id: str) -> None:
        """Note that somebody joined by it."""
        await self._connection.execute(update(links).where(links.c.id == link_id).values(uses=links.c.uses + 1))
