"""How often each name was removed, in the hub's database, for a service that cannot read the hub's files: on a cluster each has a volume of its own, or none."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from sqlalchemy import Column, Integer, Unicode
from sqlalchemy.orm import Session
from tornado import web

from labyard_hub.domain.scopes import PROJECTS_SCOPE

__all__ = ["RemovedName", "generation_handlers", "generation_of", "note_removal", "note_return"]


class RemovedName(orm.Base):  # type: ignore[misc]  # jupyterhub carries no types
    """A name whose owner was removed; JupyterHub makes the table with its own."""

    __tablename__ = "labyard_removed_names"

    name = Column(Unicode(255), primary_key=True)
    times = Column(Integer, nullable=False)


def note_removal(db: Session, name: str) -> None:
    """Note that the owner of a name is gone: whoever has it next is another person."""
    db.merge(RemovedName(name=name, times=generation_of(db, name) + 1))
    db.commit()


def note_return(db: Session, name: str) -> None:
    """Note that the last person who had a name has it again."""
    times = generation_of(db, name) - 1
    if times > 0:
        db.merge(RemovedName(name=name, times=times))
    elif times == 0:
        db.delete(db.get(RemovedName, name))
    db.commit()


def generation_of(db: Session, name: str) -> int:
    """Return how many people have had a name before."""
    found = db.get(RemovedName, name)
    return int(found.times) if found is not None else 0


def generation_handlers() -> list[tuple[Any, ...]]:
    """Return the routes, below the hub's prefix."""
    return [(r"/api/labyard/generations", GenerationsHandler)]


class GenerationsHandler(APIHandler):  # type: ignore[misc]  # see above
    """Who is gone."""

    def get(self) -> None:
        """Return how often each name was removed, by name; names that nobody was removed from are left out."""
        if not self.current_user or not self.has_scope(PROJECTS_SCOPE):
            raise web.HTTPError(403, "this is for the labyard service alone")
        self.write({"removed": {str(row.name): int(row.times) for row in self.db.query(RemovedName)}})
