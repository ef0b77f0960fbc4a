"""Limits on what one server may use, where the kernel allows it.

Control groups of version 2 where they are mounted with the controllers, else version 1 (also hybrid). Where neither can be written (an ordinary
user, a locked-down container), only the limits of ``setrlimit`` hold, and `describe_support` says so.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from labyard_hub.backends.local.process_controls import forbid_new_privileges

__all__ = ["Become", "ControlGroup", "Limits", "describe_support", "drop_privileges"]

CGROUP_ROOT = Path("/sys/fs/cgroup")
CPU_PERIOD_MICROSECONDS = 100_000  # the kernel's default
REMOVE_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Limits:
    """What one server may use at most; None: as much as there is."""

    memory_bytes: int | None
    cpu_cores: float | None
    processes: int


@dataclass(frozen=True)
class Become:
    """The user whom a process is for.

    Attributes
    ----------
    join
        Files into which it writes 0 to join its control group.
    processes
        Most processes of the account, where it is isolated.
    """

    uid: int
    gid: int
    unix_name: str
    home: str
    join: list[str]
    processes: int
    isolated: bool
    umask: int = 0o077


class ControlGroup:
    """One server's control group.

    Parameters
    ----------
    name
        Unique on the machine: letters, digits and hyphens.
    root
        Where control groups are mounted.
    """

    def __init__(self, name: str, root: Path = CGROUP_ROOT) -> None:
        self._v2 = (root / "cgroup.controllers").exists()
        if self._v2:
            self._folders = {"": root / "labyard" / name}
        else:
            self._folders = {c: root / c / "labyard" / name for c in ("memory", "cpu", "pids") if (root / c).is_dir()}

    def create(self, limits: Limits) -> list[str]:
        """Make the group and set the limits; return the names of those that the kernel does not let us set."""
        missing: list[str] = []
        for controller, folder in self._folders.items():
            try:
                if self._v2:
                    _enable_controllers(folder)
                folder.mkdir(parents=True, exist_ok=True)
            except OSError:
                missing.append(controller or "memory, cpu, pids")
        memory = limits.memory_bytes
        cpu = limits.cpu_cores
        quota = None if cpu is None else round(cpu * CPU_PERIOD_MICROSECONDS)
        if self._v2:
            folder = self._folders[""]
            wanted = [
                ("memory", folder / "memory.max", None if memory is None else str(memory)),
                ("cpu", folder / "cpu.max", None if quota is None else f"{quota} {CPU_PERIOD_MICROSECONDS}"),
                ("pids", folder / "pids.max", str(limits.processes)),
            ]
        else:
            wanted = [
                (
                    "memory",
                    self._folders.get("memory", Path("/nonexistent")) / "memory.limit_in_bytes",
                    None if memory is None else str(memory),
                ),
                ("cpu", self._folders.get("cpu", Path("/nonexistent")) / "cpu.cfs_quota_us", None if quota is None else str(quota)),
                ("pids", self._folders.get("pids", Path("/nonexistent")) / "pids.max", str(limits.processes)),
            ]
        for name, file, value in wanted:
            if value is None:
                continue
            try:
                file.write_text(value)
            except OSError:
                missing.append(name)
        return missing

    def join_files(self) -> list[str]:
        """Return the files into which a process writes 0 to join the group."""
        return [str(folder / "cgroup.procs") for folder in self._folders.values() if folder.is_dir()]

    def pids(self) -> set[int]:
        """Return the processes in the group."""
        found: set[int] = set()
        for folder in self._folders.values():
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
        return found

    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel has ended a process of the group because the group had no memory left."""
        folder = self._folders.get("" if self._v2 else "memory")
        if folder is None:
            return False
        try:
            lines = (folder / ("memory.events" if self._v2 else "memory.oom_control")).read_text().splitlines()
        except OSError:
            return False
        return any(name == "oom_kill" and count != "0" for name, _, count in (line.partition(" ") for line in lines))

    def remove(self) -> None:
        """Kill what is left in the group and remove it. May wait up to 5 s: call it off the event loop."""
        deadline = time.monotonic() + REMOVE_TIMEOUT_SECONDS
        while (pids := self.pids()) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        for folder in self._folders.values():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _enable_controllers(folder: Path) -> None:
    """Let the groups below ``labyard`` have the controllers (version 2 hands them down level by level)."""
    parent = folder.parent
    parent.mkdir(exist_ok=True)
    for level in (parent.parent, parent):
        with contextlib.suppress(OSError):
            (level / "cgroup.subtree_control").write_text("+memory +cpu +pids")


def describe_support() -> str:
    """Return, for a person, which limits this machine lets us set."""
    probe = ControlGroup(f"probe-{os.getpid()}")
    missing = probe.create(Limits(memory_bytes=2**30, cpu_cores=1.0, processes=64))
    probe.remove()
    if not missing:
        return "can be set on memory, CPU and processes"
    held = [name for name in ("memory", "cpu", "pids") if all(name not in one for one in missing)]
    return f"can be set on {', '.join(held)}" if held else "none beyond the shell's own (no writable control groups)"


def drop_privileges(become: Become) -> None:
    """Turn the calling process, a child about to exec, into the user's: group, limits, account, folder.

    Runs between fork and exec, so it allocates little and takes no locks. It raises if any part that isolation needs fails.
    """
    for file in become.join:
        with contextlib.suppress(OSError):
            descriptor = os.open(file, os.O_WRONLY)
            os.write(descriptor, b"0")
            os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if become.isolated:
        # The limit counts all processes of the account, and the account is this user's alone.
        resource.setrlimit(resource.RLIMIT_NPROC, (become.processes, become.processes))
        os.initgroups(become.unix_name, become.gid)
        os.setgid(become.gid)
        os.setuid(become.uid)
        os.umask(become.umask)
    forbid_new_privileges()
    os.chdir(become.home)
