"""What a caller may do."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Authorization", "Role"]


class Role(StrEnum):
    """What somebody may do with a workspace: everything, change it, read it."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Authorization(BaseModel):
    """Who a caller is and which MLflow workspaces they may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(description="Name of the user.")
    admin: bool = Field(description="Whether they administer the platform. Gives no right to other people's workspaces.")
    workspace: str = Field(description="The workspace that is meant where none is named: their own.")
    workspaces: dict[str, Role] = Field(description="Role by name of workspace.")
