"""A project: the unit of working together. Members with roles, a folder, tracked experiments, labelled data, a server."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from labyard.models.text import one_line, plain_text
from labyard.permissions import Capability, Role

__all__ = [
    "Event",
    "EventPage",
    "JoinProject",
    "Link",
    "LinkCreate",
    "LinkPreview",
    "Links",
    "Member",
    "MemberAdd",
    "MemberUpdate",
    "Members",
    "OwnershipTransfer",
    "Project",
    "ProjectCreate",
    "ProjectName",
    "ProjectPage",
    "ProjectState",
    "ProjectUpdate",
    "UserNames",
]

MAX_TEXT = 2000

ProjectName = Annotated[str, Field(min_length=1, max_length=300, description="A DNS label, unique on the platform; the folder's name.")]
DisplayName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]
Description = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(plain_text)]
UserName = Annotated[str, Field(min_length=1, max_length=300, description="Name of a user.")]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectState(StrEnum):
    """Where a project stands. An archived one can be read and not changed; a deleted one is in the trash."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class Project(_Wire):
    """A project, as one of its members sees it."""

    id: str = Field(description="Stable and never used again; also the name of its MLflow workspace and of the user that owns its server.")
    name: str = Field(description="What it is called in paths, addresses and commands.")
    display_name: str = Field(description="What people read.")
    description: str
    state: ProjectState
    role: Role = Field(description="The caller's.")
    capabilities: tuple[Capability, ...] = Field(description="What the caller may do here.")
    member_count: int = Field(ge=0)
    some_members: list[str] = Field(default=[], description="Names of up to five members, owners first, for a picture of who is in it.")
    created_at: datetime
    created_by: str
    updated_at: datetime
    path: str = Field(description="Its folder, relative to every member's home.")
    workspace: str = Field(description="Its MLflow workspace.")


class ProjectPage(_Wire):
    """Some projects, by name, and where to go on."""

    projects: list[Project]
    next_cursor: str | None = Field(description="Ask with `cursor` set to this for the following ones; null at the end.")


class ProjectCreate(_Wire):
    """A project to be made; the caller becomes its owner."""

    name: ProjectName
    display_name: DisplayName | None = Field(default=None, description="Default: the name.")
    description: Description = ""


class ProjectUpdate(_Wire):
    """What to change; what is left out stays."""

    display_name: DisplayName | None = None
    description: Description | None = None


class Member(_Wire):
    """Somebody in a project."""

    user: str
    role: Role
    added_at: datetime
    added_by: str = Field(description="Who added them; they themselves where they made the project or came by a link.")


class Members(_Wire):
    """The members of a project, owners first, then by name."""

    members: list[Member]


class MemberAdd(_Wire):
    """Somebody to be added."""

    user: UserName
    role: Role = Role.EDITOR


class MemberUpdate(_Wire):
    """A new role."""

    role: Role


class OwnershipTransfer(_Wire):
    """Who shall own the project in the caller's place; the caller stays as an editor."""

    user: UserName


class Link(_Wire):
    """A link that lets anyone who opens it join, signed in under their own name."""

    id: str
    role: Role
    url: str = Field(description="URL path of the page to open; it holds the secret.")
    created_at: datetime
    created_by: str
    expires_at: datetime
    uses: int = Field(ge=0, description="How many people have joined by it.")
    max_uses: int | None = Field(description="How many may; null: no limit.")


class Links(_Wire):
    """The links of a project that still work."""

    links: list[Link]


class LinkCreate(_Wire):
    """A link to be made."""

    role: Role = Field(default=Role.VIEWER, description="Editor or viewer; nobody becomes an owner by a link.")
    expires_in_seconds: int = Field(default=7 * 86400, ge=60, le=365 * 86400)
    max_uses: int | None = Field(default=None, ge=1, le=1000)


class LinkPreview(_Wire):
    """What a person who holds a link may see before they join."""

    name: str
    display_name: str
    role: Role
    created_by: str
    expires_at: datetime
    member: bool = Field(description="Whether the caller is a member already.")


class JoinProject(_Wire):
    """The secret of a link: the last part of its URL."""

    token: str = Field(min_length=1, max_length=300)


class Event(_Wire):
    """Something that somebody did in a project."""

    id: int
    at: datetime
    actor: str = Field(description="Who did it; `labyard` where the platform did it by itself.")
    action: str = Field(description="What, such as `member.added`.")
    subject: str | None = Field(description="To whom or what.")
    details: dict[str, Any] = Field(description="More, by action, such as `role`.")
    text: str = Field(description="The same as a sentence.")


class EventPage(_Wire):
    """What happened, newest first."""

    events: list[Event]
    next_cursor: str | None


class UserNames(_Wire):
    """Names of users."""

    users: list[str]
