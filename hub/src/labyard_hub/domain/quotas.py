"""Whether a start keeps within the quotas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from labyard.units import format_bytes
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.config.quotas import Quota
from labyard_hub.domain.refusals import QuotaExceededError

__all__ = ["Usage", "check_quota", "needs_of", "sum_usage"]


@dataclass(frozen=True)
class Usage:
    """What servers take together; a profile without a limit takes 0 of what it does not limit."""

    servers: int = 0
    cpu_cores: float = 0
    memory_bytes: int = 0
    gpus: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.servers + other.servers,
            self.cpu_cores + other.cpu_cores,
            self.memory_bytes + other.memory_bytes,
            self.gpus + other.gpus,
        )

    def times(self, count: int) -> Usage:
        """Return what `count` such servers take."""
        return Usage(self.servers * count, self.cpu_cores * count, self.memory_bytes * count, self.gpus * count)


def needs_of(profile: ProfileSettings) -> Usage:
    """Return what one server of `profile` takes."""
    return Usage(1, profile.cpu_cores or 0, profile.memory_bytes or 0, profile.gpu.count if profile.gpu else 0)


def sum_usage(parts: Iterable[Usage]) -> Usage:
    """Return all of it together."""
    return sum(parts, Usage())


def check_quota(quota: Quota, used: Usage, needed: Usage, *, group: str | None = None, project: bool = False) -> None:
    """Refuse what would go over `quota`.

    Parameters
    ----------
    used
        What runs or starts already.
    needed
        What the new server takes.
    group
        The group whose quota it is; None for a person's own.
    project
        Whether the quota is a project's.

    Raises
    ------
    QuotaExceededError
        With the figures.
    """
    for field, unit in (("servers", "servers"), ("cpu_cores", "CPU"), ("memory_bytes", ""), ("gpus", "GPU")):
        limit, uses, needs = getattr(quota, field), getattr(used, field), getattr(needed, field)
        # Sums of fractions of cores are not exact. What needs nothing of it, such as GPUs, goes over nothing.
        if limit is None or not needs or uses + needs <= limit + 1e-9:
            continue
        who = f"The group {group} uses" if group else "The project uses" if project else "You use"
        what = f"{_amount(field, uses)} of {_amount(field, limit)}" + (f" {unit}" if unit else " of memory")
        figures = f"{who} {what}; this needs {_amount(field, needs)}"
        raise QuotaExceededError(
            figures, f"the quota of the group {group}" if group else "the quota of the project" if project else "your quota"
        )


def _amount(field: str, value: float) -> str:
    return format_bytes(int(value)) if field == "memory_bytes" else f"{value:g}"
