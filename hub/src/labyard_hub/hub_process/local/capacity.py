"""What is free on this machine: what the profiles guarantee, and its GPUs, which each server has for itself.

CPU and memory up to a profile's limit are shared, as ever on one machine: only what a profile guarantees is kept.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from labyard.units import format_bytes
from labyard_hub.backends.local.gpus import Gpu, read_gpus
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.domain.refusals import NoRoomError
from labyard_hub.exceptions import GpuListError
from labyard_hub.hub_process.starting.capacity import Capacity, ProfileCapacity, Room, keeps

__all__ = ["LocalCapacity", "LocalRoom"]

KEEP_SECONDS = 30
"""GPUs do not come and go, but MIG can be changed."""


@dataclass(frozen=True)
class LocalRoom(Room):
    """What the machine has.

    Attributes
    ----------
    problem
        Why its GPUs are not known, in a sentence; empty where they are.
    """

    cpu_cores: float
    memory_bytes: int
    gpus: Sequence[Gpu] = ()
    problem: str = ""

    def take(self, profile: ProfileSettings, reserved: Iterable[Any]) -> tuple[str, ...]:
        """Return the GPUs that a server of `profile` gets.

        Raises
        ------
        NoRoomError
            If there is no room for it.
        """
        if not keeps(profile):
            return ()
        reserved = list(reserved)
        here = self.capacity(profile, reserved)
        if here.free == 0:
            raise NoRoomError(
                f"{here.reason} Wait until somebody stops a server, or choose another profile." if here.total else here.reason
            )
        count = profile.gpu.count if profile.gpu is not None else 0
        return tuple(one.id for one in self._free_gpus(profile, reserved)[:count])

    def capacity(self, profile: ProfileSettings, reserved: Sequence[Any]) -> ProfileCapacity:
        """Return how many servers of `profile` can start beside what is `reserved`."""
        used_cpu = sum(one.cpu_guarantee_cores for one in reserved)
        used_memory = sum(one.memory_guarantee_bytes for one in reserved)
        rooms = [
            _Share("CPU", profile.cpu_guarantee_cores or 0, self.cpu_cores, used_cpu, lambda value: f"{value:g} CPU"),
            _Share(
                "memory",
                profile.memory_guarantee_bytes or 0,
                self.memory_bytes,
                used_memory,
                lambda value: f"{format_bytes(int(value))} of memory",
            ),
        ]
        if profile.gpu is not None:
            if self.problem:
                return ProfileCapacity(0, 0, None, self.problem)
            mine = [one for one in self.gpus if one.resource == profile.gpu.resource]
            free = self._free_gpus(profile, reserved)
            what = "GPU" if profile.gpu.resource == "nvidia.com/gpu" else profile.gpu.resource
            if len(mine) < profile.gpu.count:
                seen = (
                    f"nvidia-smi shows {len(mine)} {what}, and this needs {profile.gpu.count}"
                    if mine
                    else f"nvidia-smi shows no {what} on this machine"
                )
                return ProfileCapacity(0, 0, None, f"It cannot start here: {seen}. Ask an administrator.")
            rooms.append(_Share("GPUs", profile.gpu.count, len(mine), len(mine) - len(free), lambda value: f"{value:g} GPU"))
        needed = [room for room in rooms if room.needs]
        if not needed:
            return ProfileCapacity()
        least = min(needed, key=lambda room: room.free)
        return ProfileCapacity(least.free, min(room.total for room in needed), None, least.reason if not least.free else "")

    def _free_gpus(self, profile: ProfileSettings, reserved: Sequence[Any]) -> list[Gpu]:
        given = {device for one in reserved for device in one.devices}
        return [one for one in self.gpus if profile.gpu is not None and one.resource == profile.gpu.resource and one.id not in given]


@dataclass(frozen=True)
class _Share:
    """One of the things that a profile needs."""

    name: str
    needs: float
    has: float
    used: float
    text: Callable[[float], str]

    @property
    def free(self) -> int:
        return max(0, int((self.has - self.used + 1e-9) / self.needs))

    @property
    def total(self) -> int:
        return int((self.has + 1e-9) / self.needs)

    @property
    def reason(self) -> str:
        if not self.total:
            return f"It cannot start here: this machine has {self.text(self.has)}, and this needs {self.text(self.needs)}. Ask an administrator."
        return f"There is no room now: {self.text(self.used)} of {self.text(self.has)} are taken, and this needs {self.text(self.needs)}."


class LocalCapacity(Capacity):
    """Looks at this machine.

    Parameters
    ----------
    reserved
        What each server was given; it is looked at each time.
    read
        Lists the GPUs.
    """

    def __init__(self, reserved: Mapping[Any, Any], read: Callable[[], list[Gpu]] = read_gpus) -> None:
        self._reserved, self._read = reserved, read
        self._gpus: list[Gpu] = []
        self._problem, self._until = "", 0.0
        self._lock = asyncio.Lock()

    async def free(self, profiles: Iterable[ProfileSettings]) -> dict[str, ProfileCapacity]:
        """Return what the start page says, by profile."""
        wanted = list(profiles)
        room = await self._room(any(one.gpu is not None for one in wanted))
        return {one.name: room.capacity(one, list(self._reserved.values())) for one in wanted}

    async def look(self, profile: ProfileSettings) -> Room:
        """Return what there is now."""
        return await self._room(profile.gpu is not None)

    async def _room(self, with_gpus: bool) -> LocalRoom:
        if with_gpus:
            async with self._lock:
                if time.monotonic() > self._until:
                    await self._look_again()
        return LocalRoom(len(os.sched_getaffinity(0)), psutil.virtual_memory().total, self._gpus, self._problem)

    async def _look_again(self) -> None:
        try:
            self._gpus, self._problem = await asyncio.to_thread(self._read), ""
        except GpuListError as error:
            self._gpus, self._problem = [], error.message
        self._until = time.monotonic() + KEEP_SECONDS
