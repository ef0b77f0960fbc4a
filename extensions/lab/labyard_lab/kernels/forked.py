"""A process that was forked for us: waiting, then a kernel. To `LocalProvisioner` it looks like a `subprocess.Popen`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from labyard_lab.kernels.recipe import NotForkableError

__all__ = ["ForkedProcess", "read_line"]

ANSWER_SECONDS = 5.0
MAX_LINE_BYTES = 4 * 2**20
WAIT_STEP_SECONDS = 0.01


async def read_line(connection: socket.socket, timeout_seconds: float) -> bytes:
    """Return the line that comes from a non-blocking socket; an incomplete one if the other side closes it.

    Raises
    ------
    TimeoutError
        If it takes longer.
    """
    line = b""
    async with asyncio.timeout(timeout_seconds):
        while not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
            part = await asyncio.get_running_loop().sock_recv(connection, 65536)
            if not part:
                break
            line += part
    return line


class ForkedProcess:
    """A child of ours that we did not start.

    Parameters
    ----------
    pid
        Its process id; it is its process group, too.
    connection
        The socket that it waits at.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid, self._connection = pid, connection
        self.returncode: int | None = None

    async def become(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
        """Tell it which kernel to be.

        Parameters
        ----------
        command
            What the ordinary start would have run; what follows ``-m ipykernel_launcher`` are the arguments.

        Raises
        ------
        NotForkableError
            If it does not come to that; it is gone then.
        """
        order = {"command": list(command), "arguments": list(command[-2:]), "environment": dict(environment), "folder": folder}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await asyncio.get_running_loop().sock_sendall(self._connection, json.dumps(order).encode() + b"\n")
            answer = json.loads(await read_line(self._connection, ANSWER_SECONDS))
        except (OSError, ValueError) as error:  # a timeout is an OSError
            self.discard()
            raise NotForkableError(f"the process that waited did not answer ({type(error).__name__})") from error
        if answer["error"] is not None:
            self.discard()
            raise NotForkableError(f"the process that waited could not go to its folder ({answer['error']})")
        self._connection.close()

    def call_when_it_ends(self, callback: Callable[[ForkedProcess], None]) -> None:
        """Call `callback` if it ends while it waits, until `stop_watching`."""
        asyncio.get_running_loop().add_reader(self._connection, callback, self)

    def stop_watching(self) -> None:
        """Call nobody any more."""
        asyncio.get_running_loop().remove_reader(self._connection)

    def discard(self) -> None:
        """End it, while it is no kernel yet."""
        if self._connection.fileno() >= 0:
            self.stop_watching()
            self._connection.close()
        self.kill()
        self.wait()

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess.Popen` does; None while it runs."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has asked before us, and nobody knows the answer now
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return how."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
            time.sleep(WAIT_STEP_SECONDS)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)
