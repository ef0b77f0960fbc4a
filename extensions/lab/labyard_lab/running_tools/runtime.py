"""The folder of this server's sockets and logs, which only its user can enter."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import os
import shutil
import tempfile
from pathlib import Path

from labyard_lab.exceptions import RuntimeFolderError

__all__ = ["RuntimeFolder"]

# A Unix socket's address holds 108 bytes on Linux, and some programs append to the path.
_MAX_SOCKET_PATH_BYTES = 99
_LONGEST_SOCKET_NAME = len("/99999.sock")
_PREFIX = "labyard-tools-"  # of its own, because others name their folders labyard-... too
_LOCK = "lock"


class RuntimeFolder:
    """A fresh folder of mode 0700 under a short path, made when it is first needed.

    It holds a locked file for as long as the server lives, so that the folders of servers that were killed can be told from those in use;
    the next server of the same user removes them.

    Parameters
    ----------
    parent
        Where to make it; None: ``$XDG_RUNTIME_DIR``, or the system's folder for temporary files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._numbers = itertools.count(1)
        self._lock: int | None = None

    @functools.cached_property
    def path(self) -> Path:
        """The folder.

        Raises
        ------
        RuntimeFolderError
            If no folder can be made there, or the path would be too long for a socket.
        """
        place = self._parent or Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        if self._parent is None and (len(str(place)) > 60 or not os.access(place, os.W_OK | os.X_OK)):
            # It may lie deep in a home, and sockets need a short path; or it is that of another login.
            place = Path("/tmp")  # noqa: S108  mkdtemp makes a folder of our own in it
        _remove_left_behind(place)
        try:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
            # Locked before it has its name: a server that starts at the same moment must not find it free.
            self._lock = os.open(path / f"{_LOCK}.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            (path / f"{_LOCK}.new").rename(path / _LOCK)
        except OSError as error:
            raise RuntimeFolderError(
                f"cannot make a folder for the tools' sockets in {place}: {error.strerror}. Set LabyardLab.runtime_dir to a folder that can be written"
            ) from None
        if len(str(path).encode()) + _LONGEST_SOCKET_NAME > _MAX_SOCKET_PATH_BYTES:
            shutil.rmtree(path)
            self._unlock()
            raise RuntimeFolderError(f"the path {place} is too long for a Unix socket. Set LabyardLab.runtime_dir to a shorter one")
        return path

    def socket(self) -> Path:
        """Return a path for a socket that no instance has used before."""
        return self.path / f"{next(self._numbers)}.sock"

    def log(self, instance_id: str) -> Path:
        """Return the path of an instance's log."""
        return self.path / f"{instance_id}.log"

    def remove(self) -> None:
        """Remove it with all that is in it."""
        if "path" in self.__dict__:
            shutil.rmtree(self.path, ignore_errors=True)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _remove_left_behind(place: Path) -> None:
    """Remove this user's folders that no server holds any more."""
    with contextlib.suppress(OSError):
        for folder in place.glob(f"{_PREFIX}*"):
            # Nothing is followed that somebody else may have put there.
            with contextlib.suppress(OSError):
                if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                    continue
                lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(lock)
