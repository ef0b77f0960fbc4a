"""Tells when a kernel listens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labyard_lab.kernels.forked import ForkedProcess

__all__ = ["KernelSockets"]

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
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
        now = [_identity(path) for path in self._paths]
        return all(new is not None and new != old for new, old in zip(now, self._former, strict=True))

    async def wait_until_there(self, process: ForkedProcess) -> None:
        """Wait for them: for a second at most, and no longer than `process` runs. That they are missing then is for others to find."""
        for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
            if self.are_there() or process.poll() is not None:
                return
            await asyncio.sleep(LOOK_SECONDS)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_ino, state.st_ctime_ns
