"""Removed people: who they are and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

__all__ = ["RemovedPerson", "with_homeless"]


@dataclass(frozen=True)
class RemovedPerson:
    """A person who was removed, with the home that is kept.

    Attributes
    ----------
    generation
        How many people had the name before. It tells people of one name apart.
    home
        Folder, or name of the claim; None where no home is kept. Runs and models are kept in any case.
    size
        Size of the home, for people; None while it is not known.
    ends_at
        When the home is deleted for good; None: never.
    """

    name: str
    generation: int
    home: str | None = None
    size: str | None = None
    removed_at: datetime | None = None
    ends_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(self).items()}


def with_homeless(homes: Iterable[RemovedPerson], people: Iterable[tuple[str, int]]) -> list[RemovedPerson]:
    """Return `homes`, and those of `people`, names with their generation, of whom no home is kept; by name and generation."""
    found = list(homes)
    known = {(one.name, one.generation) for one in found}
    found += [RemovedPerson(*one) for one in people if one not in known]
    return sorted(found, key=lambda one: (one.name, one.generation, one.removed_at.timestamp() if one.removed_at else 0.0))
