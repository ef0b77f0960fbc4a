"""Walks through a project's folder by descriptors, so that nobody can lead it elsewhere with links or renames, however deep the folders are."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

from labyard_hub.backends.local.project_inode import Mender

__all__ = ["walk"]

PINNED_LEVELS = 32
"""The uppermost folders stay open, so that a user who moves folders around far below disturbs only themselves."""
OPEN_LEVELS = 32
"""So many of the lowest folders are open at a time; the ones between are found again by ``..`` and their inode."""
PAUSE_EVERY = 512
PAUSE_SECONDS = 0.001
"""The interpreter is left to others now and then: the walk is a thread of the service."""

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass
class _Level:
    descriptor: int | None
    identity: tuple[int, int]
    forced: bool
    below: list[str]


def walk(top: int, mender: Mender, stop: threading.Event, *, since_ns: int | None = None, folders_only: bool = False) -> bool:
    """Mend everything below the folder `top`, but not that folder itself.

    Folders come before what is in them, so whatever appears in one after it was looked at has inherited the new rights.

    Parameters
    ----------
    top
        Descriptor of the folder; stays open.
    mender
        Mends an inode.
    stop
        Ends the walk early.
    since_ns
        What did not change since then, by its time of change, is as it was left by an earlier walk; None: look at everything.
    folders_only
        Whether to leave files for a second walk. In a folder that a process can no longer pass it reaches no file.

    Returns
    -------
    bool
        Whether all was seen.
    """
    return _Walk(mender, stop, since_ns, folders_only).run(top)


class _Walk:
    def __init__(self, mender: Mender, stop: threading.Event, since_ns: int | None, folders_only: bool) -> None:
        self._mender, self._stop = mender, stop
        self._since_ns, self._folders_only = since_ns, folders_only
        self._levels: list[_Level] = []
        self._seen = 0
        self._complete = True

    def run(self, top: int) -> bool:
        status = os.fstat(top)
        self._device = status.st_dev
        try:
            self._push(os.dup(top), status, forced=self._since_ns is None)
            while self._levels and not self._stop.is_set():
                if self._levels[-1].below:
                    self._descend()
                else:
                    self._ascend()
            return self._complete and not self._stop.is_set() and not self._mender.failed
        finally:
            for level in self._levels:
                if level.descriptor is not None:
                    os.close(level.descriptor)

    def _descend(self) -> None:
        level = self._levels[-1]
        try:
            descriptor = os.open(level.below.pop(), _FOLDER_FLAGS, dir_fd=level.descriptor)
        except OSError:
            return  # moved or deleted meanwhile
        status = os.fstat(descriptor)
        if status.st_dev != self._device:
            os.close(descriptor)
            return
        differs = self._is_due(status, level.forced) and self._mender.folder(descriptor, status)
        # A folder that came from elsewhere brings files whose times of change are old.
        self._push(descriptor, status, forced=level.forced or differs)

    def _push(self, descriptor: int, status: os.stat_result, *, forced: bool) -> None:
        level = _Level(descriptor, (status.st_dev, status.st_ino), forced, [])
        self._levels.append(level)
        index = len(self._levels) - 1 - OPEN_LEVELS
        if index >= PINNED_LEVELS:
            middle = self._levels[index]
            if middle.descriptor is not None:
                os.close(middle.descriptor)
                middle.descriptor = None
        try:
            self._list(level, descriptor)
        except OSError as error:
            self._mender.failed[error.strerror or str(error)] += 1

    def _list(self, level: _Level, descriptor: int) -> None:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                self._pause()
                if self._stop.is_set():
                    return
                if entry.is_dir(follow_symlinks=False):
                    level.below.append(entry.name)
                elif not self._folders_only and entry.is_file(follow_symlinks=False):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if self._is_due(status, level.forced):
                        self._mender.file(descriptor, entry.name)

    def _ascend(self) -> None:
        done = self._levels.pop()
        if self._levels and self._levels[-1].descriptor is None and done.descriptor is not None:
            self._levels[-1].descriptor = self._open_parent(done.descriptor, self._levels[-1].identity)
        if done.descriptor is not None:
            os.close(done.descriptor)
        while self._levels and self._levels[-1].descriptor is None:
            # The folder was moved, and where it was is lost: its siblings are seen by the next walk.
            self._complete = False
            self._levels.pop()

    @staticmethod
    def _open_parent(descriptor: int, identity: tuple[int, int]) -> int | None:
        parent = os.open("..", _FOLDER_FLAGS, dir_fd=descriptor)
        status = os.fstat(parent)
        if (status.st_dev, status.st_ino) == identity:
            return parent
        os.close(parent)
        return None

    def _is_due(self, status: os.stat_result, forced: bool) -> bool:
        if forced or self._since_ns is None:
            return True
        recent = status.st_ctime_ns >= self._since_ns
        self._mender.recent += recent
        return recent

    def _pause(self) -> None:
        self._seen += 1
        if self._seen % PAUSE_EVERY == 0:
            time.sleep(PAUSE_SECONDS)
