"""What a server is given, and what there is to give: the same for local processes and for pods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from labyard_hub.config.catalog import Image
from labyard_hub.config.settings import Settings
from labyard_hub.domain.profiles import Choice
from labyard_hub.domain.quotas import Usage, needs_of
from labyard_hub.hub_process.disk_use import DiskUse
from labyard_hub.hub_process.starting.capacity import Capacity
from labyard_hub.hub_process.starting.reserved import Reserved

__all__ = ["Granted", "Starts"]


@dataclass(frozen=True)
class Granted:
    """What one server has been given, for as long as it runs, whatever the configuration says by then.

    Attributes
    ----------
    usage
        What counts for the quotas.
    granted_at
        When the start began.
    cpu_guarantee_cores, memory_guarantee_bytes
        What is kept for it.
    devices
        Identifiers of its GPUs, where the hub gives them out itself.
    maximum_session_seconds
        None: it may run for ever.
    idle_seconds
        Idle time after which the server is stopped; None: the administrator's setting for all.
    image
        Name of its image; empty where there are none.
    """

    profile: str
    title: str
    usage: Usage
    granted_at: datetime
    cpu_guarantee_cores: float = 0
    memory_guarantee_bytes: int = 0
    devices: tuple[str, ...] = ()
    maximum_session_seconds: float | None = None
    idle_seconds: float | None = None
    image: str = ""

    @classmethod
    def of(cls, choice: Choice, devices: Sequence[str], now: datetime) -> Granted:
        """Return what a server that was chosen so is given `now`."""
        profile = choice.profile
        return cls(
            profile.name,
            profile.label,
            needs_of(profile),
            now,
            profile.cpu_guarantee_cores or 0,
            profile.memory_guarantee_bytes or 0,
            tuple(devices),
            profile.maximum_session_seconds,
            choice.idle_seconds,
            choice.image.name if choice.image is not None else "",
        )

    def to_state(self) -> dict[str, Any]:
        """Return it as JSON, for the spawner's state in the hub's database."""
        return {**asdict(self), "devices": list(self.devices), "granted_at": self.granted_at.isoformat()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Granted:
        """Return what `to_state` wrote."""
        return cls(**{
            **state,
            "usage": Usage(**state["usage"]),
            "devices": tuple(state["devices"]),
            "granted_at": datetime.fromisoformat(state["granted_at"]),
        })  # fmt: skip


@dataclass
class Starts:
    """What there is to start in this hub, and what is started; there is one per hub.

    Attributes
    ----------
    capacity
        What is free.
    reserved
        What each server that starts or runs was given, by owner and server name.
    disk
        Who fills the disk of the state folder; None on a cluster, where homes are volumes.
    """

    settings: Settings
    capacity: Capacity = field(default_factory=Capacity)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    reserved: Reserved = field(default_factory=Reserved)
    disk: DiskUse | None = None

    def __deepcopy__(self, memo: Any) -> Starts:
        """Return itself: JupyterHub copies configuration, and all spawners share this."""
        return self

    @property
    def images(self) -> tuple[Image, ...]:
        """The images that people may choose from. On one machine there are none: servers run in the machine's own environments."""
        return self.settings.images.offered if self.settings.cluster is not None else ()

    @property
    def gives_out_gpus(self) -> bool:
        """Whether any profile has GPUs, so that they are not everybody's."""
        return any(profile.gpu is not None for profile in self.settings.profiles)

    @property
    def idle_limit_seconds(self) -> float | None:
        """The administrator's limit on idle servers."""
        return self.settings.servers.idle_timeout_seconds
