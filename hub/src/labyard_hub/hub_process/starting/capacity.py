"""What is free before a start: asked by the start page, and by each start itself.

`Capacity` knows nothing and lets everything start: what Kubernetes does with a pod is Kubernetes' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labyard_hub.config.profiles import ProfileSettings

__all__ = ["Capacity", "ProfileCapacity", "Room", "keeps"]


def keeps(profile: ProfileSettings) -> bool:
    """Return whether something is kept for a server of `profile` alone, so that what others run decides about its start."""
    return profile.gpu is not None or profile.cpu_guarantee_cores is not None or profile.memory_guarantee_bytes is not None


@dataclass(frozen=True)
class ProfileCapacity:
    """How many more servers of a profile can start now.

    Attributes
    ----------
    free
        None: nobody knows, or as many as anybody wants.
    total
        How many there could be if nothing ran; None: nobody knows.
    queue
        How many wait to start; None: there is no queue.
    reason
        Why none can start, in a sentence; empty where there is nothing to say.
    """

    free: int | None = None
    total: int | None = None
    queue: int | None = None
    reason: str = ""


class Room:
    """What there is at one moment."""

    def take(self, profile: ProfileSettings, reserved: Iterable[Any]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the GPUs that a server of `profile` gets beside what is `reserved`, a `Granted` per server; empty where somebody else gives them out.

        It goes through `reserved` only where `keeps` says so: there can be thousands. Called with nothing else running in between, so it does not wait.

        Raises
        ------
        NoRoomError
            If there is no room for it.
        """
        return ()


class Capacity:
    """Knows what is free."""

    async def free(self, profiles: Iterable[ProfileSettings]) -> dict[str, ProfileCapacity]:
        """Return what the start page says, by profile; a profile that is missing is one of which nothing is known. It takes a second at most."""
        return {one.name: ProfileCapacity() for one in profiles}

    async def look(self, profile: ProfileSettings) -> Room:  # noqa: ARG002
        """Return what there is now, for a start of `profile`."""
        return Room()
