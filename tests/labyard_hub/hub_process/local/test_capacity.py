"""What this machine has room for; its GPUs are made up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from labyard_hub.backends.local.gpus import Gpu
from labyard_hub.config.profiles import GpuSettings, ProfileSettings
from labyard_hub.domain.profiles import Choice
from labyard_hub.domain.refusals import NoRoomError
from labyard_hub.exceptions import GpuListError
from labyard_hub.hub_process.local.capacity import LocalCapacity, LocalRoom
from labyard_hub.hub_process.starting.capacity import ProfileCapacity
from labyard_hub.hub_process.starting.grants import Granted

GIB = 2**30
FREE = ProfileSettings(name="free", cpu_cores=64, memory_bytes=512 * GIB)
KEPT = ProfileSettings(name="kept", cpu_guarantee_cores=2, memory_guarantee_bytes=4 * GIB)
GPU = ProfileSettings(name="gpu", gpu=GpuSettings())
TWO = ProfileSettings(name="two", gpu=GpuSettings(count=2))
PART = ProfileSettings(name="part", gpu=GpuSettings(resource="nvidia.com/mig-1g.10gb"))
GPUS = [Gpu("GPU-0", "A100"), Gpu("GPU-1", "A100"), Gpu("MIG-0", "A100 1g.10gb", "nvidia.com/mig-1g.10gb")]
ROOM = LocalRoom(8, 16 * GIB, GPUS)


def granted(profile: ProfileSettings, *devices: str) -> Granted:
    return Granted.of(Choice(profile, None, "lab"), devices, datetime(2026, 1, 1, tzinfo=UTC))


def test_what_guarantees_nothing_can_always_start() -> None:
    assert ROOM.capacity(FREE, [granted(FREE)] * 50) == ProfileCapacity()
    assert ROOM.take(FREE, [granted(FREE)] * 50) == ()


def test_what_is_guaranteed_is_kept() -> None:
    assert ROOM.capacity(KEPT, [granted(KEPT)]) == ProfileCapacity(3, 4)
    assert ROOM.capacity(KEPT, [granted(FREE)]) == ProfileCapacity(4, 4)
    full = ROOM.capacity(KEPT, [granted(KEPT)] * 4)
    assert (full.free, full.reason) == (0, "There is no room now: 8 CPU of 8 CPU are taken, and this needs 2 CPU.")
    with pytest.raises(NoRoomError, match="Wait until somebody stops a server"):
        ROOM.take(KEPT, [granted(KEPT)] * 4)


def test_what_the_machine_can_never_have_is_told_so() -> None:
    huge = ProfileSettings(name="huge", memory_guarantee_bytes=64 * GIB)
    assert ROOM.capacity(huge, []).reason == (
        "It cannot start here: this machine has 16 GiB of memory, and this needs 64 GiB of memory. Ask an administrator."
    )


def test_each_server_has_its_gpus_for_itself() -> None:
    first = ROOM.take(GPU, [])
    second = ROOM.take(GPU, [granted(GPU, *first)])
    assert {*first, *second} == {"GPU-0", "GPU-1"}
    assert ROOM.capacity(GPU, [granted(GPU, *first)]) == ProfileCapacity(1, 2)
    with pytest.raises(NoRoomError, match="2 GPU of 2 GPU are taken, and this needs 1 GPU"):
        ROOM.take(GPU, [granted(TWO, "GPU-0", "GPU-1")])
    assert ROOM.take(PART, [granted(TWO, "GPU-0", "GPU-1")]) == ("MIG-0",)
    assert ROOM.take(TWO, []) == ("GPU-0", "GPU-1")


def test_a_machine_without_gpus_says_why_a_profile_cannot_start() -> None:
    bare = LocalRoom(8, 16 * GIB)
    assert bare.capacity(GPU, []) == ProfileCapacity(
        0, 0, None, "It cannot start here: nvidia-smi shows no GPU on this machine. Ask an administrator."
    )
    assert "shows 2 GPU, and this needs 4" in ROOM.capacity(ProfileSettings(name="four", gpu=GpuSettings(count=4)), []).reason


async def test_the_gpus_are_looked_up_only_for_profiles_that_have_them() -> None:
    calls: list[int] = []

    def read() -> list[Gpu]:
        calls.append(1)
        return GPUS

    taken = {("ada", ""): granted(GPU, "GPU-0")}
    capacity = LocalCapacity(taken, read)
    assert (await capacity.free([FREE]))["free"] == ProfileCapacity()
    assert calls == []
    assert (await capacity.free([FREE, GPU]))["gpu"] == ProfileCapacity(1, 2)
    await capacity.free([GPU])
    assert calls == [1]
    taken.clear()
    assert (await capacity.free([GPU]))["gpu"] == ProfileCapacity(2, 2)


async def test_a_broken_driver_is_the_reason() -> None:
    def read() -> list[Gpu]:
        raise GpuListError("no driver")

    found = (await LocalCapacity({}, read).free([GPU]))["gpu"]
    assert found.free == 0
    assert "no driver. Ask an administrator" in found.reason
