"""Finds the processes of this server: kernels, terminals, tools, and programs that were detached from all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["OwnProcess", "control_group_file", "descends_from", "own_processes"]

OUR_GROUPS = "/labyard/"
"""Part of the path of each server's control group."""
MARK = "JUPYTERHUB_SERVICE_PREFIX"
"""Variable that every process of a server inherits, and that no two servers share."""


@dataclass(frozen=True)
class OwnProcess:
    """One process.

    Attributes
    ----------
    created_at
        Seconds since the epoch; with `pid` it identifies the process.
    cpu_seconds
        CPU time of the process and of its children that have ended.
    """

    pid: int
    parent: int
    created_at: float
    cpu_seconds: float


def own_processes() -> dict[int, OwnProcess]:
    """Return this server's processes, this one included, by process id.

    The control group knows them all. Without one (an ordinary user's platform, a pod), a process belongs to the server if it inherited the server's address or descends from it.
    """
    file = control_group_file(Path("/proc/self/cgroup"))
    try:
        members = [int(line) for line in file.read_text().split()] if file is not None else None
    except OSError:
        members = None
    found = dict(filter(None, map(_look, psutil.pids() if members is None else members)))
    if members is not None:
        return found
    own, prefix = os.getpid(), os.environ.get(MARK)
    return {pid: one for pid, one in found.items() if descends_from(pid, {own}, found) or (prefix and _mark_of(pid) == prefix)}


def descends_from(pid: int, heads: Iterable[int], processes: Mapping[int, OwnProcess]) -> bool:
    """Return whether the process `pid` is one of `heads`, or one of them started it."""
    heads, seen = set(heads), set[int]()
    while pid not in heads:
        if pid in seen or pid not in processes:
            return False
        seen.add(pid)
        pid = processes[pid].parent
    return True


def control_group_file(listing: Path, root: Path = Path("/sys/fs/cgroup")) -> Path | None:
    """Return the file that lists the processes of the control group that Labyard made for this server; None if there is none."""
    try:
        lines = listing.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if path.startswith(OUR_GROUPS):
            return root / controllers.partition(",")[0] / path.lstrip("/") / "cgroup.procs"
    return None


def _look(pid: int) -> tuple[int, OwnProcess] | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if hasattr(os, "geteuid") and process.uids().effective != os.geteuid():
                return None
            times = process.cpu_times()
            used = sum(getattr(times, name, 0.0) for name in ("user", "system", "children_user", "children_system"))
            return pid, OwnProcess(pid, process.ppid(), process.create_time(), used)
    except psutil.Error:
        return None


def _mark_of(pid: int) -> str | None:
    try:
        return psutil.Process(pid).environ().get(MARK)
    except (psutil.Error, OSError):
        return None
