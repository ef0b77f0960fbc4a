"""Whose each name is and was, in the hub's database, for a service that cannot read the hub's files: on a cluster each has a volume of its own, or none."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from sqlalchemy import Column, Integer, Unicode
from sqlalchemy.orm import Session
from tornado import web

from labyard_hub.domain.scopes import PROJECTS_SCOPE

__all__ = ["RemovedName", "RestoredName", "generation_handlers", "generation_of", "note_removal", "note_return", "people_removed"]


class RemovedName(orm.Base):  # type: ignore[misc]  # jupyterhub carries no types
    """A name whose owner was removed; JupyterHub makes the table with its own. `times` is the first number that no owner ever had."""

    __tablename__ = "labyard_removed_names"

    name = Column(Unicode(255), primary_key=True)
    times = Column(Integer, nullable=False)


class RestoredName(orm.Base):  # type: ignore[misc]  # see above
    """A name that a removed person has again, with the number of that person."""

    __tablename__ = "labyard_restored_names"

    name = Column(Unicode(255), primary_key=True)
    generation = Column(Integer, nullable=False)


def note_removal(db: Session, name: str) -> None:
    """Note that the owner of a name is gone: the next user with this name is another person."""
    restored = db.get(RestoredName, name)
    if restored is not None:
        db.delete(restored)
    else:
        db.merge(RemovedName(name=name, times=generation_of(db, name) + 1))
    db.commit()


def note_return(db: Session, name: str, generation: int) -> None:
    """Note that a removed person has their name again."""
    db.merge(RestoredName(name=name, generation=generation))
    db.commit()


def generation_of(db: Session, name: str) -> int:
    """Return the number of the present owner of a name, from 0: another person has another number."""
    restored, removed = db.get(RestoredName, name), db.get(RemovedName, name)
    if restored is not None:
        return int(restored.generation)
    return int(removed.times) if removed is not None else 0


def people_removed(db: Session) -> list[tuple[str, int]]:
    """Return everybody who was removed, by name and number."""
    rows = [(str(row.name), int(row.times)) for row in db.query(RemovedName)]
    return [(name, number) for name, times in rows for number in range(times) if number != generation_of(db, name)]


def generation_handlers() -> list[tuple[Any, ...]]:
    """Return the routes, below the hub's prefix."""
    return [(r"/api/labyard/generations", GenerationsHandler)]


class GenerationsHandler(APIHandler):  # type: ignore[misc]  # see above
    """Who is gone."""

    def get(self) -> None:
        """Return the number of the present owner of each name; names that nobody was removed from are left out."""
        if not self.current_user or not self.has_scope(PROJECTS_SCOPE):
            raise web.HTTPError(403, "this is for the labyard service alone")
        self.write({"removed": {str(row.name): generation_of(self.db, row.name) for row in self.db.query(RemovedName)}})
