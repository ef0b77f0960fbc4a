"""What a project shares beside its folder: its server, running tools, models."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from labyard.models.text import one_line
from labyard.permissions import Capability, Role

__all__ = [
    "ModelShare",
    "ModelShareCreate",
    "ModelShares",
    "ProjectAccess",
    "ProjectServer",
    "ProjectServerState",
    "ToolAccess",
    "ToolShare",
    "ToolShareCreate",
    "ToolShares",
]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectServerState(StrEnum):
    """Where a project's server stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class ProjectServer(_Wire):
    """The server that a project's members work in together."""

    state: ProjectServerState
    url: str = Field(description="URL path to open; the hub shows the progress of a start there.")
    started_at: datetime | None
    last_activity_at: datetime | None


class ProjectAccess(_Wire):
    """What one user may do in a project; asked by the project's own server about its visitors."""

    user: str
    role: Role | None = Field(description="To show; what decides is `capabilities`. Null: they are no member, or no longer.")
    capabilities: tuple[Capability, ...] = Field(description="What they may do; empty for people who are no members.")


class ToolShareCreate(_Wire):
    """A running tool of the caller's own server, to be shared with a project."""

    server: str = Field(
        default="", pattern=r"^([a-z0-9][a-z0-9-]{0,39})?$", description="Name of the caller's server; empty for the default one."
    )
    instance: str = Field(pattern=r"^[a-z][a-z0-9-]{0,60}$", description="Identifier of the tool instance in that server.")
    title: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]


class ToolShare(_Wire):
    """A running tool that members of a project can open."""

    id: str
    project: str = Field(description="Name of the project.")
    owner: str = Field(description="In whose server it runs.")
    server: str
    instance: str
    title: str
    url: str = Field(description="URL path of the link to pass on.")
    created_at: datetime


class ToolShares(_Wire):
    """The tools that a project's members share."""

    tools: list[ToolShare]


class ToolAccess(_Wire):
    """Whether one user may use one tool instance of the caller's server; asked by that server about its visitors."""

    user: str
    instance: str
    capabilities: tuple[Capability, ...] = Field(description="Theirs in the projects it is shared with; empty: they may not use it.")


class ModelShareCreate(_Wire):
    """A registered model of the project, to be shared read-only with another project or a person."""

    model: Annotated[str, AfterValidator(one_line)] = Field(
        min_length=1, max_length=250, description="Name of the registered model in the project's MLflow workspace."
    )
    project: str | None = Field(default=None, max_length=300, description="Name of the project to share it with.")
    user: str | None = Field(default=None, max_length=300, description="Name of the person to share it with.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.project is None) == (self.user is None):
            raise ValueError("name either `project` or `user`")
        return self


class ModelShare(_Wire):
    """A registered model that others may load."""

    id: str
    source: str = Field(description="Name of the project that owns the model.")
    source_workspace: str
    model: str
    project: str | None
    user: str | None
    created_at: datetime
    created_by: str
    uri: str = Field(description="What to pass to MLflow to load it, without the version: append `/VERSION` or `@ALIAS`.")


class ModelShares(_Wire):
    """Shared models."""

    models: list[ModelShare]
