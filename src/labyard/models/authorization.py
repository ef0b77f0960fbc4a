"""What a caller may do."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from labyard.permissions import Capability

__all__ = ["Authorization", "SharedModel"]


class SharedModel(BaseModel):
    """A registered model of a project that the caller may load though they are not in that project."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workspace: str = Field(description="The MLflow workspace that it is in.")
    model: str = Field(description="Name of the registered model.")


class Authorization(BaseModel):
    """Who a caller is and which MLflow workspaces they may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(description="Name of the user.")
    admin: bool = Field(description="Whether they administer the platform. Gives no right to other people's workspaces.")
    workspace: str = Field(description="The workspace that is meant where none is named: their own.")
    workspaces: dict[str, tuple[Capability, ...]] = Field(description="What the caller may do, by name of workspace.")
    projects: dict[str, str] = Field(
        default_factory=dict,
        description="Workspace by name of project: those that the caller is in, and those that a model is shared from.",
    )
    shared_models: tuple[SharedModel, ...] = Field(
        default=(), description="Models that are shared with the caller, or with a project of theirs."
    )
