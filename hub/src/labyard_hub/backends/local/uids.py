"""Which Unix uids were ever given to accounts of this state folder. None is given twice: the next holder would own what the former left behind.

``useradd`` by itself gives the highest uid plus one, so the uid of the account that was deleted last comes back. Here each uid is noted in a file before it
is used, and taken from a range that neither ``useradd`` nor systemd nor the subordinate uids of containers draw from.
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labyard_hub.config.state import StateFolder

__all__ = ["UidLog", "given_uids"]

OUTSIDE_RANGE = range(70_000, 100_000)
"""Between what systemd uses dynamically (to 65519) and Debian's first subordinate uid."""
INSIDE_RANGE = range(20_000, 60_000)
"""For user namespaces that have no more than 65536 uids: within what ``useradd`` draws from, but far from where it begins."""
SPREAD = 1_000
"""State folders on one machine begin at different thousands, so that one does not give a uid that another has given before."""


class UidLog:
    """The uids given so far; made by `locked`, and valid while that holds the lock."""

    def __init__(self, descriptor: int, start: int, numbers: range) -> None:
        self._descriptor = descriptor
        self._start, self._range = start, numbers
        data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        if data and not data.endswith(b"\n"):  # the disk was full: that uid was not used
            os.write(descriptor, b"\n")
        self._given = _parse(data)

    @classmethod
    @contextmanager
    def locked(cls, state: StateFolder) -> Iterator[UidLog]:
        """Open the log and keep every other process and thread from it, and so from making an account of this state folder at the same time."""
        descriptor = os.open(state.uids_file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            numbers = OUTSIDE_RANGE if _is_mapped(OUTSIDE_RANGE.stop) else INSIDE_RANGE
            thousands = len(numbers) // SPREAD
            yield cls(descriptor, numbers.start + int(state.instance, 16) % thousands * SPREAD, numbers)
        finally:
            os.close(descriptor)

    def note(self, uid: int, name: str) -> None:
        """Write down that `uid` was given to the account `name`, and make sure that a crash does not undo it."""
        if uid in self._given:
            return
        os.write(self._descriptor, f"{uid} {name}\n".encode())
        os.fsync(self._descriptor)
        self._given.add(uid)

    def next(self, name: str) -> int:
        """Return a uid that nobody has or had, noted for the account `name`.

        Raises
        ------
        OSError
            If there is none left.
        """
        offset = self._start - self._range.start
        for step in range(len(self._range)):
            uid = self._range[(offset + step) % len(self._range)]
            if uid not in self._given and not _is_taken(uid):
                self.note(uid, name)
                return uid
        raise OSError(errno.ENOSPC, "every uid was given before", str(self._range))


def given_uids(state: StateFolder) -> frozenset[int]:
    """Return all uids that accounts of this state folder have or had."""
    try:
        return frozenset(_parse(state.uids_file.read_bytes()))
    except FileNotFoundError:
        return frozenset()


def _parse(data: bytes) -> set[int]:
    return {int(line.split()[0]) for line in data.split(b"\n")[:-1] if b" " in line}


def _is_taken(number: int) -> bool:
    """Whether an account has it, or a group, which a new account's own group shall have the same number as."""
    for look_up in (pwd.getpwuid, grp.getgrgid):
        try:
            look_up(number)
        except KeyError:
            continue
        return True
    return False


def _is_mapped(uid: int) -> bool:
    """Whether the user namespace that we are in has `uid`."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        inside, _, count = (int(field) for field in line.split())
        if inside <= uid < inside + count:
            return True
    return False
