"""What a project may be called, and what its identifier looks like.

The identifier names the project's folder on disk, its MLflow workspace, and the hub user and Unix account that its server runs as. It has two hyphens in
a row, which no user's name has, followed by a ``p``, which no user's MLflow workspace has, so it never collides with either.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from labyard.models.authorization import Role
from labyard_hub.domain.names import RESERVED_NAMES
from labyard_hub.exceptions import InvalidProjectNameError

__all__ = ["MAX_MEMBERS", "MAX_PROJECT_NAME_LENGTH", "DesiredProject", "check_project_name", "is_project_id", "new_project_id"]

MAX_PROJECT_NAME_LENGTH = 40
"""Characters; with the identifier's tail it fits into MLflow's 63."""
MAX_MEMBERS = 200
"""Each member is an entry in the access list of every file; ext4 holds some 500."""

_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*")
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
    if not name:
        raise InvalidProjectNameError("a project needs a name")
    if len(name) > MAX_PROJECT_NAME_LENGTH:
        raise InvalidProjectNameError(f"a project's name has at most {MAX_PROJECT_NAME_LENGTH} characters, this one has {len(name)}")
    if not name.isascii():
        raise InvalidProjectNameError(
            "a project's name has only the letters a to z, digits and hyphens; this one has a character from another alphabet. "
            "The display name takes any"
        )
    if name != name.lower():
        raise InvalidProjectNameError(f"a project's name has no capital letters: {name.lower()!r} would do. The display name takes any")
    if _NAME.fullmatch(name) is None:
        raise InvalidProjectNameError(
            "a project's name starts with a letter and goes on with letters, digits and single hyphens, such as 'vision' or 'road-signs'"
        )
    if name in RESERVED_NAMES:
        raise InvalidProjectNameError(f"the name {name!r} is reserved: choose another one")
    return name


def new_project_id(name: str) -> str:
    """Return an identifier for a new project called `name`. It is never given twice, also when a project of that name was deleted."""
    return f"{name}--p{secrets.token_hex(5)}"


def is_project_id(text: str) -> bool:
    """Whether `text` is an identifier of a project, and so no user's name."""
    return _ID.fullmatch(text) is not None
