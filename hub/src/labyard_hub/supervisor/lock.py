"""One ``labyard up`` per state folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import StateFolderInUseError

__all__ = ["hold", "is_held"]


@contextmanager
def hold(state: StateFolder, name: str = "up.lock") -> Iterator[None]:
    """Hold the state folder until the block or the process ends, however it ends.

    Raises
    ------
    StateFolderInUseError
        If another process holds it.
    """
    with (state.run_private / name).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            platform = Platform.read(state)
            raise StateFolderInUseError(state.root, platform.pid if platform else 0, platform.url if platform else None) from None
        yield


def is_held(state: StateFolder) -> bool:
    """Whether a ``labyard up`` runs on the state folder."""
    try:
        with (state.run_private / "up.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
