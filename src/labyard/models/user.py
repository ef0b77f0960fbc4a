"""A user: a person who can sign in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["User"]


class User(BaseModel):
    """Who a caller is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Identifier.")
    admin: bool = Field(description="Whether they administer the platform.")
    groups: tuple[str, ...] = Field(default=(), description="Names of their groups, sorted.")
