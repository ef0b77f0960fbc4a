"""Projects and their members in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from labyard.exceptions import ProjectExistsError
from labyard.permissions import ROLES, Role
from labyard_hub.domain.records import MemberRecord, ProjectRecord
from labyard_hub.schema.tables import members, projects
from labyard_hub.storage.repository import Repository

__all__ = ["MemberRepository", "ProjectRepository"]

_PROJECT = tuple(column for column in projects.c if column.name not in ("deleted_at", "discarded_at"))


def _project(row: Row[Any]) -> ProjectRecord:
    return ProjectRecord(**row._mapping)  # noqa: SLF001  # SQLAlchemy's name for a public thing


def _member(row: Row[Any]) -> MemberRecord:
    return MemberRecord(row.project_id, row.user_name, row.generation, Role(row.role), row.added_at, row.added_by)


class ProjectRepository(Repository):
    """Projects that are not deleted."""

    async def add(self, project: ProjectRecord) -> None:
        """Keep a new project.

        Raises
        ------
        ProjectExistsError
            If the name is taken.
        """
        try:
            await self._connection.execute(insert(projects).values(**asdict(project)))
        except IntegrityError as error:
            raise ProjectExistsError.of(project.name) from error

    async def find(self, name: str, *, lock: bool = False) -> ProjectRecord | None:
        """Return the project called `name`.

        Parameters
        ----------
        lock
            Let nobody else change it, or its members, until the transaction ends.
        """
        query = select(*_PROJECT).where(projects.c.name == name, projects.c.deleted_at.is_(None))
        row = (await self._connection.execute(query.with_for_update() if lock else query)).first()
        return _project(row) if row else None

    async def get(self, project_id: str, *, lock: bool = False) -> ProjectRecord | None:
        """Return the project with this identifier."""
        query = select(*_PROJECT).where(projects.c.id == project_id, projects.c.deleted_at.is_(None))
        row = (await self._connection.execute(query.with_for_update() if lock else query)).first()
        return _project(row) if row else None

    async def of_user(
        self, user: str, generation: int, *, archived: bool | None, after: str, limit: int | None
    ) -> Sequence[tuple[ProjectRecord, Role, int]]:
        """Return projects that `user` is in, by name, with their role and the number of members.

        Parameters
        ----------
        archived
            Only those that are, or are not; None: all.
        after
            Name to go on after.
        limit
            At most so many; None: all.
        """
        others = members.alias()
        count = select(func.count()).where(others.c.project_id == projects.c.id).scalar_subquery()
        query = (
            select(*_PROJECT, members.c.role.label("role"), count.label("count"))
            .join(members, members.c.project_id == projects.c.id)
            .where(members.c.user_name == user, members.c.generation == generation)
            .where(projects.c.deleted_at.is_(None), projects.c.name > after)
            .order_by(projects.c.name)
            .limit(limit)
        )
        if archived is not None:
            query = query.where(projects.c.archived_at.is_not(None) if archived else projects.c.archived_at.is_(None))
        found = []
        for row in await self._connection.execute(query):
            fields = dict(row._mapping)  # noqa: SLF001
            role, number = Role(fields.pop("role")), int(fields.pop("count"))
            found.append((ProjectRecord(**fields), role, number))
        return found

    async def all(self) -> Sequence[ProjectRecord]:
        """Return all projects."""
        return [_project(row) for row in await self._connection.execute(select(*_PROJECT).where(projects.c.deleted_at.is_(None)))]

    async def leftover(self) -> Sequence[ProjectRecord]:
        """Return deleted projects whose folder and server are still to be taken away."""
        query = select(*_PROJECT).where(projects.c.deleted_at.is_not(None), projects.c.discarded_at.is_(None))
        return [_project(row) for row in await self._connection.execute(query)]

    async def update(self, project_id: str, at: datetime, changes: Mapping[str, Any]) -> None:
        """Change columns of a project."""
        await self._connection.execute(update(projects).where(projects.c.id == project_id).values(updated_at=at, **changes))

    async def count_owned(self, user: str, generation: int) -> int:
        """Return how many projects `user` owns."""
        query = (
            select(func.count())
            .select_from(members.join(projects, members.c.project_id == projects.c.id))
            .where(members.c.user_name == user, members.c.generation == generation, members.c.role == Role.OWNER.value)
            .where(projects.c.deleted_at.is_(None))
        )
        return int((await self._connection.execute(query)).scalar_one())


class MemberRepository(Repository):
    """Who is in which project."""

    async def of_project(self, project_id: str) -> Sequence[MemberRecord]:
        """Return all members of a project, by name."""
        query = select(members).where(members.c.project_id == project_id).order_by(members.c.user_name)
        return [_member(row) for row in await self._connection.execute(query)]

    async def count(self, project_id: str) -> int:
        """Return how many a project has."""
        query = select(func.count()).select_from(members).where(members.c.project_id == project_id)
        return int((await self._connection.execute(query)).scalar_one())

    async def some_of(self, project_ids: Collection[str], number: int) -> dict[str, tuple[str, ...]]:
        """Return names of up to `number` members of each project: owners first, then editors, then by name."""
        rank = case({role.value: number for number, role in enumerate(ROLES)}, value=members.c.role)
        place = func.row_number().over(partition_by=members.c.project_id, order_by=(rank, members.c.user_name)).label("place")
        ranked = select(members.c.project_id, members.c.user_name, place).where(members.c.project_id.in_(project_ids)).subquery()
        query = (
            select(ranked.c.project_id, ranked.c.user_name).where(ranked.c.place <= number).order_by(ranked.c.project_id, ranked.c.place)
        )
        found: dict[str, tuple[str, ...]] = dict.fromkeys(project_ids, ())
        for project_id, name in await self._connection.execute(query):
            found[project_id] += (name,)
        return found

    async def all(self) -> Sequence[MemberRecord]:
        """Return all members of all projects that are not deleted."""
        query = select(members).join(projects, members.c.project_id == projects.c.id).where(projects.c.deleted_at.is_(None))
        return [_member(row) for row in await self._connection.execute(query)]

    async def people(self) -> Sequence[tuple[str, int]]:
        """Return each name, and generation of it, that is in some project."""
        query = select(members.c.user_name, members.c.generation).distinct()
        return [(row.user_name, row.generation) for row in await self._connection.execute(query)]

    async def of_user(self, user: str) -> Sequence[MemberRecord]:
        """Return what `user` is in, no matter who has or had that name."""
        query = select(members).join(projects, members.c.project_id == projects.c.id)
        query = query.where(members.c.user_name == user, projects.c.deleted_at.is_(None))
        return [_member(row) for row in await self._connection.execute(query)]

    async def get(self, project_id: str, user: str) -> MemberRecord | None:
        """Return a member."""
        query = select(members).where(members.c.project_id == project_id, members.c.user_name == user)
        row = (await self._connection.execute(query)).first()
        return _member(row) if row else None

    async def put(self, member: MemberRecord) -> None:
        """Keep a member, in place of the user who had the name."""
        await self.remove(member.project_id, member.user)
        values = asdict(member)
        values["user_name"] = values.pop("user")
        values["role"] = member.role.value
        await self._connection.execute(insert(members).values(**values))

    async def set_role(self, project_id: str, user: str, role: Role) -> None:
        """Change a role."""
        query = update(members).where(members.c.project_id == project_id, members.c.user_name == user)
        await self._connection.execute(query.values(role=role.value))

    async def remove(self, project_id: str, user: str) -> None:
        """Forget a member."""
        await self._connection.execute(delete(members).where(members.c.project_id == project_id, members.c.user_name == user))
