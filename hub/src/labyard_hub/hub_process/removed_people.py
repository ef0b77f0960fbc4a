"""Removed people: what is kept of them, and their way back. The same for both ways of running."""

from __future__ import annotations

from typing import Any, Protocol

from labyard_hub.domain.removed_people import RemovedPerson
from labyard_hub.exceptions import NameInUseError, PersonNotRemovedError

__all__ = ["REMOVED_PEOPLE", "RemovedPeople", "list_removed", "restore_person"]


REMOVED_PEOPLE = "labyard_removed_people"
"""Where handlers find the port, in the settings of the hub's web application."""


_restoring: set[str] = set()
"""Names that this hub is giving back."""


class RemovedPeople(Protocol):
    """What is kept of removed people where servers run. `db` is a session of the hub's database."""

    async def people(self, db: Any) -> list[RemovedPerson]:
        """Return everybody who was removed, by name and generation."""

    async def restore(self, db: Any, name: str, generation: int) -> None:
        """Give a removed person their name, home, runs and models back. The caller has looked that nobody else has the name.

        Raises
        ------
        LabyardError
            If that fails. It can be tried again.
        """

    async def sweep(self) -> None:
        """Delete the homes whose time is over. The hub calls it once a minute."""


async def list_removed(handler: Any) -> list[RemovedPerson]:
    """Return everybody who was removed."""
    kept: RemovedPeople = handler.settings[REMOVED_PEOPLE]
    return await kept.people(handler.db)


async def restore_person(handler: Any, name: str, generation: int | None) -> RemovedPerson:
    """Make the name the removed person's again, with home, runs and models. Who may sign in is said as for anybody.

    Parameters
    ----------
    generation
        Which person of that name; None: the last.

    Raises
    ------
    PersonNotRemovedError
        If nobody of that name was removed.
    NameInUseError
        If somebody has the name, or is invited under it.
    """
    authenticator = handler.authenticator
    found = [one for one in await list_removed(handler) if one.name == name and generation in (None, one.generation)]
    if not found:
        raise PersonNotRemovedError(name)
    if (
        await authenticator.invited(name)
        or handler.find_user(name) is not None
        or await authenticator.find_person(handler.db, name) is not None
    ):
        raise NameInUseError(name)
    if name in _restoring:  # two people of one name would get into one home
        raise NameInUseError(name)
    _restoring.add(name)
    try:
        await handler.settings[REMOVED_PEOPLE].restore(handler.db, name, found[-1].generation)
    finally:
        _restoring.discard(name)
    return found[-1]
