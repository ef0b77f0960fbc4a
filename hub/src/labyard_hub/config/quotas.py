"""Limits on what runs at the same time."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from labyard_hub.config.quantities import Bytes

__all__ = ["Quota", "QuotaSettings"]


class Quota(BaseModel):
    """Limits on what runs or starts at the same time; null: no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    servers: int | None = Field(default=None, ge=0)
    """Number of servers."""
    cpu_cores: float | None = Field(default=None, ge=0)
    """CPU cores, counted by the profiles' `cpu_cores`."""
    memory_bytes: Bytes | None = Field(default=None, ge=0)
    """Memory, counted by the profiles' `memory_bytes`."""
    gpus: int | None = Field(default=None, ge=0)
    """Number of GPUs."""


class QuotaSettings(BaseModel):
    """Limits on what people run at the same time."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    users: Quota = Quota()
    """Limits for each user, as `servers`, `cpu_cores`, `memory_bytes` and `gpus`."""
    groups: dict[str, Quota] = Field(default_factory=dict)
    """Limits for all members of a group together, by the group's name. A user in several groups must keep all their limits."""
    projects: Quota = Quota()
    """Limits for each project's server. It counts for the project, not for its members."""
