"""Files that have a second name outside the project's folder.

A hard link is the same file under another name. One into a project could give its members somebody's file, and one out of it would keep a file in the hands of
a person who was removed. A file that was made in a project's folder has the project's own account in its access list, by inheritance: it stays the project's,
wherever else it has names. Any other file with several names came from elsewhere, such as a home (``git clone`` of a folder, ``uv`` with its cache): the
project gets a copy, and the original is left to whom it belongs.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import threading
from pathlib import Path

__all__ = ["DRAFT_PREFIX", "are_protected", "replace_by_copy"]

DRAFT_PREFIX = ".labyard-copy-"
RESERVED_BYTES = 2**30
"""So much stays free: as root we could take even what the file system keeps back."""

_AT_RENAME_EXCHANGE = 2  # linux/fs.h: RENAME_EXCHANGE
_CHUNK = 64 * 2**20


def are_protected() -> bool:
    """Whether the kernel lets people link only to files that are theirs or that they can read and write.

    Without it anybody could link any file of the file system, ``/etc/shadow`` included, into a project, and have us open it to the members.
    """
    try:
        return Path("/proc/sys/fs/protected_hardlinks").read_text().strip() == "1"
    except OSError:
        return False


def replace_by_copy(folder: int, name: str, original: int, owner: tuple[int, int], stop: threading.Event) -> int | None:
    """Put a copy of the file behind `original` in its place, with the same content and times, and no access for anybody but `owner` so far.

    Parameters
    ----------
    folder
        Descriptor of the folder that has it as `name`.
    original
        Descriptor of the file, also one of ``O_PATH``.
    stop
        Ends the copying early.

    Returns
    -------
    int or None
        Descriptor of the copy, to be closed; None if it was stopped, or the file or its name changed meanwhile, so it is to be tried again.

    Raises
    ------
    OSError
        ``ENOSPC`` if little would be left on the disk; or whatever the file system says.
    """
    source = os.open(f"/proc/self/fd/{original}", os.O_RDONLY | os.O_CLOEXEC)
    draft = f"{DRAFT_PREFIX}{secrets.token_hex(8)}"
    try:
        before = os.fstat(source)
        space = os.fstatvfs(source)
        if space.f_bavail * space.f_frsize < before.st_blocks * 512 + RESERVED_BYTES:
            raise OSError(errno.ENOSPC, "too little space for a copy", name)
        copy = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            _copy(source, copy, before.st_size, stop)
            os.fchown(copy, *owner)
            os.fchmod(copy, before.st_mode & 0o700)
            os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
            os.fsync(copy)
            after = os.fstat(source)
            unchanged = (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
            if unchanged and not stop.is_set() and _swap(folder, draft, name, before):
                done, copy = copy, -1
                return done
            return None
        finally:
            if copy != -1:
                os.close(copy)
            _remove(folder, draft)
    finally:
        os.close(source)


def _copy(source: int, target: int, size: int, stop: threading.Event) -> None:
    """Copy the parts of a file that are not holes."""
    os.ftruncate(target, size)
    position = 0
    while position < size:
        try:
            position = os.lseek(source, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            raise
        end = os.lseek(source, position, os.SEEK_HOLE)
        while position < end:
            if stop.is_set():
                return
            copied = os.copy_file_range(source, target, min(end - position, _CHUNK), position, position)
            if copied == 0:
                return
            position += copied


def _swap(folder: int, draft: str, name: str, expected: os.stat_result) -> bool:
    """Exchange the two names, and back if `name` was another file than the expected one by now: nobody's file may be lost."""
    _exchange(folder, draft, name)
    found = os.stat(draft, dir_fd=folder, follow_symlinks=False)
    if (found.st_dev, found.st_ino) == (expected.st_dev, expected.st_ino):
        return True
    _exchange(folder, draft, name)
    return False


def _exchange(folder: int, first: str, second: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(folder, os.fsencode(first), folder, os.fsencode(second), _AT_RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), second)


def _remove(folder: int, draft: str) -> None:
    try:
        os.unlink(draft, dir_fd=folder)
    except FileNotFoundError:
        return
