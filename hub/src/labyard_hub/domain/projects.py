"""What a project may be called, and what its identifier looks like.

The identifier names the project's folder on disk, its MLflow workspace, and the hub user and Unix account that its server runs as. It has two hyphens in
a row, which no user's name has, followed by a ``p``, which no user's MLflow workspace has, so it never collides with either.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labyard_hub.domain.names import fault_in_name
from labyard_hub.exceptions import InvalidProjectNameError

if TYPE_CHECKING:  # the wire models take long to import, and `labyard status` needs none
    from labyard.models.authorization import Role

__all__ = ["MAX_MEMBERS", "DesiredProject", "check_project_name", "is_project_id", "new_project_id"]

MAX_MEMBERS = 200
"""Each member is an entry in the access list of every file; ext4 holds some 500."""

_ID = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){0,39}--p[0-9a-f]{10}")


@dataclass(frozen=True)
class DesiredProject:
    """What a project's folder shall look like on disk.

    Attributes
    ----------
    id, name
        Of the project.
    archived
        Whether nobody may write.
    members
        User names with their roles.
    """

    id: str
    name: str
    archived: bool
    members: tuple[tuple[str, Role], ...]


def check_project_name(name: str) -> str:
    """Return `name` if a project may have it.

    Raises
    ------
    InvalidProjectNameError
        With a sentence that says which rule it breaks.
    """
    fault = fault_in_name(name, "a project's name", "'vision' or 'road-signs'")
    if fault is not None:
        raise InvalidProjectNameError(fault)
    return name


def new_project_id(name: str) -> str:
    """Return an identifier for a new project called `name`. It is never given twice, also when a project of that name was deleted."""
    return f"{name}--p{secrets.token_hex(5)}"


def is_project_id(text: str) -> bool:
    """Whether `text` is an identifier of a project, and so no user's name."""
    return _ID.fullmatch(text) is not None
