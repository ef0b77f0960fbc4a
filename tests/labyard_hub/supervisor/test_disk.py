"""The warning before a disk is full, and the reserve; the disk's figures are the test's."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from labyard_hub.config.state import StateFolder
from labyard_hub.supervisor.disk import DiskWatch

Usage = namedtuple("Usage", "total used free")
MIB = 2**20


def test_it_warns_once_and_gives_up_its_reserve_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    state = StateFolder.open(tmp_path / "state")
    watch = DiskWatch(state, lambda _, text: told.append(text))

    def look(free: int) -> int:
        """Return how much the reserve takes after a look at a disk of 100 MiB."""
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * MIB, (100 * MIB) - free, free))
        watch.look()
        return watch.reserve.stat().st_size if watch.reserve.exists() else 0

    assert look(50 * MIB) == MIB
    assert watch.reserve.stat().st_blocks * 512 >= MIB, "it takes the room"
    assert told == []
    assert [look(free) for free in (10 * MIB, 9 * MIB, 2 * MIB)] == [MIB] * 3
    assert len(told) == 1
    assert told[0].startswith("90% full, 10 MiB left")
    assert look(100_000) == 0
    assert "goes on with its reserve" in told[1]
    assert look(MIB) == 0, "it waits until there is room again"
    assert look(20 * MIB) == MIB
    look(9 * MIB)
    assert len(told) == 3
