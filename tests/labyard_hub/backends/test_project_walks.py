"""When folders are walked through. Real walks, of a time that the tests tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labyard_hub.backends.local.acl import encode
from labyard_hub.backends.local.known_accounts import AccountTable, KnownAccounts
from labyard_hub.backends.local.project_rights import Rights
from labyard_hub.backends.local.project_walks import ProjectWalks
from labyard_hub.config.state import StateFolder
from tests.labyard_hub.backends.people import names
from tests.platform import is_root

pytestmark = pytest.mark.skipif(not is_root(), reason="gives files to others")

ACCOUNT = (70_000, 70_000)
ENTRY = encode(6, {70_000: 6, 70_002: 6})
"""Access list of what was made in the folder."""
RIGHTS = Rights(ACCOUNT, frozenset({70_000}), ((70_000, 6),), writable=True)
LESS = Rights(ACCOUNT, frozenset({70_000}), ((70_000, 6), (70_001, 4)), writable=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., ProjectWalks]:
    def make(clock: Callable[[], int] = time.time_ns) -> ProjectWalks:
        table = AccountTable(StateFolder.open(tmp_path / "state"))
        known = KnownAccounts({}, {"p": ACCOUNT}, frozenset({70_000, 70_001}))
        table.known = lambda: known  # type: ignore[method-assign]
        return ProjectWalks(table, clock)

    return make


def owner(path: Path) -> int:
    return path.lstat().st_uid


def add(path: Path) -> None:
    path.touch()
    os.setxattr(path, "system.posix_acl_access", ENTRY)
    os.chown(path, 70_001, 70_001)


async def test_rights_that_are_in_force_are_not_set_again(make: Callable[..., ProjectWalks], folder: Path) -> None:
    walks = make()
    add(folder / "a")
    walks.want("p", folder, RIGHTS)
    assert not walks.is_done("p")
    await walks.settled()
    assert walks.is_done("p")
    assert owner(folder / "a") == 70_000
    add(folder / "b")
    walks.want("p", folder, RIGHTS)
    walks.look()  # not due yet
    await walks.settled()
    assert owner(folder / "b") == 70_001
    walks.look(everything=True)
    await walks.settled()
    assert owner(folder / "b") == 70_000
    await walks.close()
    walks.want("p", folder, LESS)  # of no effect any more
    assert walks.keys == frozenset()


async def test_new_rights_are_the_last_to_be_set(make: Callable[..., ProjectWalks], folder: Path) -> None:
    walks = make()
    for number in range(3000):
        add(folder / f"f{number}")
    for rights in (RIGHTS, LESS, RIGHTS, LESS):
        walks.want("p", folder, rights)
        await walks.wait("p", 0.02)
    await walks.settled()
    assert walks.is_done("p")
    assert {os.getxattr(folder / name, "system.posix_acl_access") for name in names(folder)} == {LESS.file}
    await walks.close()


async def test_when_the_clock_was_set_everything_is_looked_at(make: Callable[..., ProjectWalks], folder: Path) -> None:
    back = 0
    walks = make(lambda: time.time_ns() + back)
    back = 3600 * 10**9
    walks.look()
    walks.want("p", folder, RIGHTS)
    await walks.settled()
    add(folder / "a")
    back = 0  # what changed since has a time of change before that of the walk
    walks.look(everything=True)
    await walks.settled()
    assert owner(folder / "a") == 70_000
    await walks.close()


async def test_a_folder_that_cannot_be_walked_is_tried_again(make: Callable[..., ProjectWalks], folder: Path) -> None:
    walks = make()
    walks.want("p", folder / "missing", RIGHTS)
    await walks.settled()
    assert not walks.is_done("p")
    (folder / "missing").mkdir()
    walks.look(everything=True)
    await walks.settled()
    assert walks.is_done("p")
    await walks.close()


async def test_active_folders_go_first(make: Callable[..., ProjectWalks], folder: Path) -> None:
    walks = make()
    for name in ("idle", "busy", "large"):
        (folder / name).mkdir()
        walks.want(name, folder / name, RIGHTS)
    await walks.settled()
    works, now = walks._works, time.monotonic()
    for name, cost in (("idle", 0.001), ("busy", 0.001), ("large", 1.0)):
        works[name].cost_seconds, works[name].walked_at, works[name].active_at = cost, now - 3, now - 10_000
    add(folder / "busy" / "a")
    walks.look()
    assert [name for name in works if works[name].task is not None] == ["idle", "busy"]  # a large one every 20 s
    await walks.settled()
    assert works["busy"].active_at > now > works["idle"].active_at
    works["large"].cost_seconds = works["idle"].cost_seconds = 100.0  # more than can be done
    works["busy"].cost_seconds = 0.001
    works["idle"].walked_at = works["busy"].walked_at = now - 3
    walks.look()
    assert [name for name in works if works[name].task is not None] == ["busy"]
    await walks.settled()
    await walks.close()
