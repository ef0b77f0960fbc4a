"""Tells when a kernel listens."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from typing import Any

from labyard_lab.kernels.forked import ForkedProcess

__all__ = ["KernelSockets"]

PORTS = ("hb_port", "iopub_port", "control_port", "stdin_port", "shell_port")
"""The last one that a kernel opens comes first, so that most looks are at one file."""

LOOK_SECONDS = 0.002
PATIENCE_SECONDS = 1.0


class KernelSockets:
    """The files of a kernel's sockets, as they are before it starts: a former run of the same kernel may have left some.

    Parameters
    ----------
    connection
        How to connect to it. For anything but Unix sockets there is nothing to see.
    """

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._paths = [f"{connection['ip']}-{connection[port]}" for port in PORTS] if connection.get("transport") == "ipc" else []
        self._former = [_identity(path) for path in self._paths]

    def are_there(self) -> bool:
        """Whether each was made since."""
        return all((now := _identity(path)) is not None and now != old for path, old in zip(self._paths, self._former, strict=True))

    async def wait_until_there(self, process: ForkedProcess) -> None:
        """Wait for them: for a second at most, and no longer than `process` runs. That they are missing then is for others to find."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.are_there() and process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110  files tell nobody
            await asyncio.sleep(LOOK_SECONDS)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        state = os.stat(path)  # noqa: PTH116  again and again, while somebody waits
    except OSError:
        return None
    return state.st_ino, state.st_ctime_ns
