"""How much may run at the same time."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from labyard_hub.config.quantities import Bytes

__all__ = ["Quota", "QuotaSettings"]


class Quota(BaseModel):
    """Limits on what runs or starts at the same time; null: no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    servers: int | None = Field(default=None, ge=0)
    """Servers."""
    cpu_cores: float | None = Field(default=None, ge=0)
    """CPU cores, counted by the profiles' `cpu_cores`."""
    memory_bytes: Bytes | None = Field(default=None, ge=0)
    """Memory, counted by the profiles' `memory_bytes`."""
    gpus: int | None = Field(default=None, ge=0)
    """GPUs."""


class QuotaSettings(BaseModel):
    """Limits on what people run at the same time."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    users: Quota = Quota()
    """Of each person, as `servers`, `cpu_cores`, `memory_bytes` and `gpus`."""
    groups: dict[str, Quota] = Field(default_factory=dict)
    """Of all members of a group together, by the group's name. Who is in several groups is held to each."""
    projects: Quota = Quota()
    """Of each project's server, which counts for the project and for none of its members."""
