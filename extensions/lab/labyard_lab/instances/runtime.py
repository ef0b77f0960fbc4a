"""The folder of this server's sockets and logs, which only its user can enter."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

from labyard_lab.exceptions import RuntimeFolderError

__all__ = ["RuntimeFolder"]

# A Unix socket's address holds 108 bytes on Linux, and some programs append to the path.
_MAX_SOCKET_PATH_BYTES = 99
_LONGEST_SOCKET_NAME = len("/99999.sock")


class RuntimeFolder:
    """A fresh folder of mode 0700 under a short path.

    Parameters
    ----------
    parent
        Where to make it; None: the system's folder for temporary files.

    Raises
    ------
    RuntimeFolderError
        If no folder can be made there, or the path would be too long for a socket.
    """

    def __init__(self, parent: Path | None = None) -> None:
        place = parent or Path(tempfile.gettempdir())
        if parent is None and len(str(place)) > 60:
            # TMPDIR may point deep into a home; sockets need a short path.
            place = Path("/tmp")  # noqa: S108  mkdtemp makes a folder of our own in it
        try:
            self.path = Path(tempfile.mkdtemp(prefix="labyard-", dir=place))
        except OSError as error:
            raise RuntimeFolderError(
                f"cannot make a folder for the tools' sockets in {place}: {error.strerror}. Set LabyardLab.runtime_dir to a folder that can be written"
            ) from None
        if len(str(self.path).encode()) + _LONGEST_SOCKET_NAME > _MAX_SOCKET_PATH_BYTES:
            self.path.rmdir()
            raise RuntimeFolderError(f"the path {place} is too long for a Unix socket. Set LabyardLab.runtime_dir to a shorter one")
        self._numbers = itertools.count(1)

    def socket(self) -> Path:
        """Return a path for a socket that no instance has used before."""
        return self.path / f"{next(self._numbers)}.sock"

    def log(self, instance_id: str) -> Path:
        """Return the path of an instance's log."""
        return self.path / f"{instance_id}.log"

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
