"""Shared tools and models, in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from labyard_hub.domain.records import ModelShareRecord, ToolShareRecord
from labyard_hub.exceptions import ShareExistsError
from labyard_hub.schema.tables import model_shares, projects, tool_shares
from labyard_hub.storage.repository import Repository

__all__ = ["ModelShareRepository", "ToolShareRepository"]


class ToolShareRepository(Repository):
    """Running tools that members share."""

    async def add(self, share: ToolShareRecord) -> None:
        """Keep a new one.

        Raises
        ------
        ShareExistsError
            If that instance is shared with that project already.
        """
        try:
            await self._connection.execute(insert(tool_shares).values(**asdict(share)))
        except IntegrityError as error:
            raise ShareExistsError("tool") from error

    async def get(self, share_id: str) -> ToolShareRecord | None:
        """Return one."""
        row = (await self._connection.execute(select(tool_shares).where(tool_shares.c.id == share_id))).first()
        return ToolShareRecord(**row._mapping) if row else None  # noqa: SLF001  # SQLAlchemy's name for a public thing

    async def of_project(self, project_id: str) -> Sequence[ToolShareRecord]:
        """Return those of a project, newest first."""
        query = select(tool_shares).where(tool_shares.c.project_id == project_id).order_by(tool_shares.c.created_at.desc())
        return [ToolShareRecord(**row._mapping) for row in await self._connection.execute(query)]  # noqa: SLF001

    async def of_owner(self, owner: str) -> Sequence[ToolShareRecord]:
        """Return those that run in the servers of `owner`."""
        query = select(tool_shares).where(tool_shares.c.owner == owner).order_by(tool_shares.c.created_at.desc())
        return [ToolShareRecord(**row._mapping) for row in await self._connection.execute(query)]  # noqa: SLF001

    async def remove(self, share_ids: Collection[str]) -> None:
        """Forget some."""
        await self._connection.execute(delete(tool_shares).where(tool_shares.c.id.in_(share_ids)))


class ModelShareRepository(Repository):
    """Models that others may load."""

    async def add(self, share: ModelShareRecord) -> None:
        """Keep a new one.

        Raises
        ------
        ShareExistsError
            If that model is shared there already.
        """
        same = select(model_shares.c.id).where(
            model_shares.c.project_id == share.project_id,
            model_shares.c.model == share.model,
            model_shares.c.target_project_id == share.target_project_id
            if share.target_project_id is not None
            else and_(model_shares.c.target_user == share.target_user, model_shares.c.target_generation == share.target_generation),
        )
        if (await self._connection.execute(same)).first() is not None:
            raise ShareExistsError("model")
        await self._connection.execute(insert(model_shares).values(**asdict(share)))

    async def get(self, share_id: str) -> ModelShareRecord | None:
        """Return one."""
        row = (await self._connection.execute(select(model_shares).where(model_shares.c.id == share_id))).first()
        return ModelShareRecord(**row._mapping) if row else None  # noqa: SLF001

    async def of_project(self, project_id: str) -> Sequence[ModelShareRecord]:
        """Return what a project shares, by model."""
        query = (
            select(model_shares).where(model_shares.c.project_id == project_id).order_by(model_shares.c.model, model_shares.c.created_at)
        )
        return [ModelShareRecord(**row._mapping) for row in await self._connection.execute(query)]  # noqa: SLF001

    async def shared_with(self, user: str | None, generation: int, project_ids: Collection[str]) -> Sequence[ModelShareRecord]:
        """Return what is shared with a user, or with one of some projects; `user` is None for a project's own server."""
        query = (
            select(model_shares)
            .join(projects, model_shares.c.project_id == projects.c.id)
            .where(projects.c.deleted_at.is_(None))
            .where(
                or_(
                    and_(model_shares.c.target_user == user, model_shares.c.target_generation == generation),
                    model_shares.c.target_project_id.in_(project_ids),
                )
            )
            .order_by(model_shares.c.model, model_shares.c.created_at)
        )
        return [ModelShareRecord(**row._mapping) for row in await self._connection.execute(query)]  # noqa: SLF001

    async def remove(self, share_id: str) -> None:
        """Forget one."""
        await self._connection.execute(delete(model_shares).where(model_shares.c.id == share_id))
