"""A project's record and its members', as the service keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labyard.permissions import Role

__all__ = ["EventRecord", "LinkRecord", "MemberRecord", "ModelShareRecord", "ProjectRecord", "ToolShareRecord"]


@dataclass(frozen=True)
class ProjectRecord:
    """A project."""

    id: str
    name: str
    display_name: str
    description: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    archived_at: datetime | None = None

    @property
    def archived(self) -> bool:
        """Whether it can only be read."""
        return self.archived_at is not None


@dataclass(frozen=True)
class MemberRecord:
    """Somebody in a project.

    Attributes
    ----------
    generation
        How many people had the name before; a member of another generation is another person.
    """

    project_id: str
    user: str
    generation: int
    role: Role
    added_at: datetime
    added_by: str


@dataclass(frozen=True)
class LinkRecord:
    """A link to join a project."""

    id: str
    project_id: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime
    max_uses: int | None
    uses: int
    revoked_at: datetime | None


@dataclass(frozen=True)
class EventRecord:
    """Something that happened in a project.

    Attributes
    ----------
    audit_only
        Whether only owners see it.
    """

    id: int
    project_id: str
    at: datetime
    actor: str
    action: str
    subject: str | None
    details: dict[str, Any]
    audit_only: bool


@dataclass(frozen=True)
class ToolShareRecord:
    """A running tool that a member shares."""

    id: str
    project_id: str
    owner: str
    server: str
    instance: str
    title: str
    created_at: datetime


@dataclass(frozen=True)
class ModelShareRecord:
    """A model of a project that somebody else may load."""

    id: str
    project_id: str
    model: str
    target_project_id: str | None
    target_user: str | None
    target_generation: int | None
    created_at: datetime
    created_by: str
