"""What a project may be called, and what its identifier looks like.

The identifier names the project's folder on disk, its MLflow workspace, and the hub user and Unix account that its server runs as. It has two hyphens in
a row, which no user's name has, followed by a ``p``, which no user's MLflow workspace has, so it never collides with either.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from labyard.exceptions import InvalidProjectNameError
from labyard.permissions import SERVER_ROLE, Capability, Role, capabilities_of
from labyard_hub.domain.names import fault_in_name

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
    members
        User names, each with what they may do.
    server
        What the project's own server, and so its account, may do.
    """

    id: str
    name: str
    members: tuple[tuple[str, frozenset[Capability]], ...]
    server: frozenset[Capability]

    @classmethod
    def of(cls, project_id: str, name: str, roles: Iterable[tuple[str, Role]], *, archived: bool = False) -> DesiredProject:
        """Return what the folder of a project with these members shall look like."""
        members = tuple((user, capabilities_of(role, archived=archived)) for user, role in roles)
        return cls(project_id, name, members, capabilities_of(SERVER_ROLE, archived=archived))


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
