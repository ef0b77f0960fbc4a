"""The server's side of a kernel parent (`labyard_lab.environment_programs.kernel_parent`)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from labyard_lab.kernels.forked import ForkedProcess, read_line
from labyard_lab.kernels.recipe import NotForkableError, Recipe

__all__ = ["KernelParent"]

PROGRAM = Path(__file__).parent.parent / "environment_programs" / "kernel_parent.py"
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
IMPORT_SECONDS = 120.0
FORK_SECONDS = 5.0
END_SECONDS = 2.0


class KernelParent:
    """A process that has imported what kernels import.

    Parameters
    ----------
    recipe
        What it is started with.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._stamps: list[tuple[str, int, int]] = []

    @property
    def pid(self) -> int | None:
        """Its process id; None before the start."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it, and wait for its imports.

        Raises
        ------
        NotForkableError
            If kernels cannot be forked from it; it is gone then.
        """
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: ASYNC220  it takes a millisecond, and an asyncio process would be waited for by a thread
                    [*self.recipe.interpreter, str(PROGRAM), "ipykernel_launcher", str(theirs.fileno())],
                    env={**dict(self.recipe.environment), "JPY_PARENT_PID": str(os.getpid())},
                    cwd="/", stdin=subprocess.PIPE, pass_fds=(theirs.fileno(),), start_new_session=True,
                )  # fmt: skip
            assert self._process.stdin is not None  # noqa: S101  it was asked for
            self._process.stdin.close()  # kernels have a pipe there whose other end is closed
            said = json.loads(await read_line(self._channel, IMPORT_SECONDS))
        except (OSError, ValueError) as error:
            await self.close()
            raise NotForkableError(f"the kernels' parent did not start ({type(error).__name__}: {error})") from error
        if said["refusal"] is not None:
            await self.close()
            raise NotForkableError(said["refusal"])
        self._stamps = [(path, mtime, size) for path, mtime, size in said["stamps"]]

    def call_when_it_ends(self, callback: Callable[[], None]) -> None:
        """Call `callback` once if it ends by itself; for a parent that has started."""

        def ended() -> None:
            self._forget_channel()
            callback()

        assert self._channel is not None  # noqa: S101  it has started
        asyncio.get_running_loop().add_reader(self._channel, ended)  # nothing is said on it any more, so it can only be its end

    def _forget_channel(self) -> None:
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self._channel = None

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._channel is not None and self._process is not None and self._process.poll() is None

    def is_current(self) -> bool:
        """Whether what it has imported is still what is on the disk."""
        return all(_has_stamp(path, mtime, size) for path, mtime, size in self._stamps)

    async def fork(self) -> ForkedProcess:
        """Return a new process, a child of ours, that waits.

        Raises
        ------
        NotForkableError
            If it could not be made.
        """
        if self._channel is None:
            raise NotForkableError("the kernels' parent has ended")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs, _orphans_come_to_us():
                socket.send_fds(self._channel, [b"f"], [theirs.fileno()])
                theirs.close()
                said = json.loads(await read_line(ours, FORK_SECONDS))
        except (OSError, ValueError) as error:
            ours.close()
            raise NotForkableError(f"the kernels' parent did not fork ({type(error).__name__}: {error})") from error
        return ForkedProcess(said["pid"], ours)

    async def close(self) -> None:
        """End it; the kernels that came from it go on."""
        self._forget_channel()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await asyncio.to_thread(self._process.wait)


def _has_stamp(path: str, mtime: int, size: int) -> bool:
    try:
        state = os.stat(path)  # noqa: PTH116  a thousand of them, before each kernel
    except OSError:
        return False
    return state.st_mtime_ns == mtime and state.st_size == size


class _orphans_come_to_us(contextlib.AbstractContextManager[None]):  # noqa: N801  it is used as a function
    """While it is open, a process below us whose parent ends becomes our child.

    No longer than that: whatever else is orphaned below a server belongs to the system, which collects it when it ends. We would not.
    """

    _open = 0

    def __enter__(self) -> None:
        _orphans_come_to_us._open += 1
        if _orphans_come_to_us._open == 1:
            _subreaper(1)

    def __exit__(self, *_: object) -> None:
        _orphans_come_to_us._open -= 1
        if _orphans_come_to_us._open == 0:
            _subreaper(0)


def _subreaper(on: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
