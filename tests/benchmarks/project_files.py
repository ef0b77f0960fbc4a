"""The walk through a project's folder of 10,000 files: nothing changed, all rights changed, beside ``setfacl -R`` on the same tree. Needs root."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from labyard.permissions import Role
from labyard_hub.backends.local.known_accounts import KnownAccounts
from labyard_hub.backends.local.project_inode import Mender
from labyard_hub.backends.local.project_rights import Rights, rights_of
from labyard_hub.backends.local.project_walk import walk
from labyard_hub.domain.projects import DesiredProject
from tests.benchmarks.report import compare

FOLDERS, FILES_EACH = 100, 100
ROUNDS = 5
MEMBERS = 5
FIRST_UID = 70_000


def main() -> None:
    """Measure in turn, and print medians and ratios."""
    if os.geteuid() != 0:
        print("the walk through projects' folders: needs root, left out")
        return
    accounts = {f"user{number}": (FIRST_UID + number, FIRST_UID + number) for number in range(MEMBERS)}
    known = KnownAccounts(accounts, {}, frozenset(range(FIRST_UID, FIRST_UID + 100)))
    project = DesiredProject.of("bench--p0123456789", "bench", tuple(dict.fromkeys(accounts, Role.EDITOR).items()))
    rights = rights_of(project, (FIRST_UID + 50, FIRST_UID + 50), known)
    without_one = rights_of(DesiredProject.of(project.id, project.name, project.members[1:]), (FIRST_UID + 50, FIRST_UID + 50), known)
    entries = ",".join(f"u:{uid}:rwX" for uid, _ in rights.users)
    sides: dict[str, list[float]] = {
        "setfacl -R": [],
        "walk, all rights changed": [],
        "walk, nothing changed": [],
        "the same, CPU of ours": [],
    }
    with tempfile.TemporaryDirectory(prefix="labyard-bench-", dir="/var/tmp") as name:
        top = Path(name)
        _fill(top)
        _walk(top, rights, known, None)
        for _ in range(ROUNDS):
            # `setfacl` has no default for "only these", so it gets the entries to set: the least that it could do.
            command = ["setfacl", "--recursive", "--set", f"u::rwX,g::-,o::-,{entries}", str(top)]
            sides["setfacl -R"].append(_timed(lambda: subprocess.run(command, check=True)))  # noqa: B023  # called at once
            _walk(top, rights, known, None)
            # One member, who owns a fifth of the files, is removed.
            _give(top, FIRST_UID)
            sides["walk, all rights changed"].append(_timed(lambda: _walk(top, without_one, known, None)))
            _walk(top, rights, known, None)
            # What just changed has a time of change from now on.
            since = time.time_ns() + 10**9
            before = time.thread_time()
            sides["walk, nothing changed"].append(_timed(lambda: _walk(top, rights, known, since)))  # noqa: B023
            sides["the same, CPU of ours"].append(time.thread_time() - before)
    compare(f"A project's folder of {FOLDERS * FILES_EACH:,} files in {FOLDERS} folders, {MEMBERS} members", "s", sides, base="setfacl -R")


def _fill(top: Path) -> None:
    for folder in range(FOLDERS):
        (top / f"d{folder}").mkdir()
        for file in range(FILES_EACH):
            (top / f"d{folder}" / f"f{file}").touch()
    for path in (top, *top.rglob("*")):
        os.chown(path, FIRST_UID + 1, FIRST_UID + 1)


def _give(top: Path, uid: int) -> None:
    for folder in range(0, FOLDERS, 5):
        for path in (top / f"d{folder}").iterdir():
            os.chown(path, uid, uid)


def _walk(top: Path, rights: Rights, known: KnownAccounts, since_ns: int | None) -> None:
    stop = threading.Event()
    mender = Mender(rights, known.uids, stop)
    descriptor = os.open(top, os.O_RDONLY)
    try:
        assert walk(descriptor, mender, stop, since_ns=since_ns), mender.failed
    finally:
        os.close(descriptor)


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
