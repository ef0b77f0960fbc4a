"""Profiles: the hardware, images and prices that users choose from."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from labyard_hub.config.quantities import Bytes, Seconds

__all__ = ["GpuSettings", "ProfileSettings", "Toleration"]

NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
RESOURCE = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
"""An extended resource of Kubernetes: a domain and a name."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class GpuSettings(_Part):
    """GPUs of one server, which no other server uses."""

    count: int = Field(default=1, ge=1, le=64)
    """Number of GPUs."""
    resource: str = "nvidia.com/gpu"
    """Kubernetes' name for them, such as `nvidia.com/gpu`, or `nvidia.com/mig-1g.10gb` for a part of one."""
    model: str | None = None
    """Name on the start page, such as `A100`."""

    @field_validator("resource")
    @classmethod
    def _is_resource(cls, value: str) -> str:
        if not re.fullmatch(RESOURCE, value):
            raise ValueError(f"{value!r} is no resource: write a domain and a name, such as nvidia.com/gpu or nvidia.com/mig-1g.10gb")
        return value


class Toleration(_Part):
    """A taint of nodes that pods of a profile tolerate, as Kubernetes has it."""

    key: str = ""
    """Key of the taint; empty, with `operator: Exists`, for every taint."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """`Exists` matches every value."""
    value: str = ""
    """Value of the taint."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Effect of the taint; empty for every effect."""
    toleration_seconds: int | None = Field(default=None, ge=0)
    """How long the pod tolerates a `NoExecute`; null: for ever."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.operator == "Exists" and self.value:
            raise ValueError("a toleration with `operator: Exists` has no value: leave `value` out, or write `operator: Equal`")
        if not self.key and self.operator == "Equal":
            raise ValueError("a toleration needs a `key`; without one, write `operator: Exists`")
        return self


class ProfileSettings(_Part):
    """A profile that users can start. The first one is preselected. Without profiles there is one, `default`, with the limits of `servers`."""

    name: str
    """Identifier: small letters, digits and hyphens. Labyard stores it with each server, so do not use it for another profile later."""
    title: str = ""
    """Title on the start page; default: the name."""
    description: str = ""
    """Description on the start page, one sentence."""
    cpu_cores: float | None = Field(default=None, gt=0)
    """Limit of CPU cores of one server; default: `servers.cpu_limit_cores`."""
    cpu_guarantee_cores: float | None = Field(default=None, gt=0)
    """CPU cores that Labyard reserves for the server; null: none."""
    memory_bytes: Bytes | None = Field(default=None, ge=256 * 2**20)
    """Memory limit of one server, such as `4Gi`; default: `servers.memory_limit_bytes`."""
    memory_guarantee_bytes: Bytes | None = Field(default=None, ge=1)
    """Memory that Labyard reserves for the server; null: none."""
    gpu: GpuSettings | None = None
    """GPUs, as `count`, `resource` and `model`; null: none."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels of the nodes that the server runs on. On Kubernetes."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of nodes that the server tolerates, as `key`, `operator`, `value`, `effect` and `toleration_seconds`. On Kubernetes."""
    shared_memory_bytes: Bytes | None = Field(default=None, ge=1)
    """Size of `/dev/shm`; default: half of the memory where the profile has a GPU, otherwise the container runtime's default. On Kubernetes."""
    images: tuple[str, ...] = ()
    """Images of the catalogue that the profile offers. The first one is preselected. Default: all images that fit its hardware. On Kubernetes."""
    groups: tuple[str, ...] = ()
    """Groups whose members may use the profile; default: every user."""
    price_per_hour: Decimal | None = Field(default=None, ge=0, max_digits=12, decimal_places=4)
    """Price per hour on the start page, in `currency`; null: no price."""
    maximum_session_seconds: Seconds | None = Field(default=None, ge=60)
    """Time after which Labyard stops a server, even one in use, such as `8h`; null: never."""

    @property
    def label(self) -> str:
        """What people read."""
        return self.title or self.name

    @field_validator("name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not re.fullmatch(NAME, value):
            raise ValueError(
                f"{value!r} is no name of a profile: use small letters, digits and hyphens, such as gpu-large, and put the rest into `title`"
            )
        return value

    @field_validator("gpu", mode="before")
    @classmethod
    def _is_gpu(cls, value: Any) -> Any:
        if isinstance(value, int | str) and not isinstance(value, bool):
            raise ValueError(f"write what the GPU is, such as `gpu: {{count: {value}, resource: nvidia.com/gpu}}`")  # pydantic wants it
        return value

    @field_validator("groups", "images")
    @classmethod
    def _unique(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = next((one for one in value if value.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} stands twice: remove one of them")
        if "" in value:
            raise ValueError("an entry is empty: remove it")
        return value

    @model_validator(mode="after")
    def _guarantees_fit(self) -> Self:
        if self.cpu_cores is not None and (self.cpu_guarantee_cores or 0) > self.cpu_cores:
            raise ValueError(
                f"the profile {self.name!r} guarantees {self.cpu_guarantee_cores:g} CPU and allows {self.cpu_cores:g}: "
                "lower `cpu_guarantee_cores` or raise `cpu_cores`"
            )
        if self.memory_bytes is not None and (self.memory_guarantee_bytes or 0) > self.memory_bytes:
            raise ValueError(
                f"the profile {self.name!r} guarantees more memory than it allows: lower `memory_guarantee_bytes` or raise `memory_bytes`"
            )
        return self
