"""The asker's side of a fork server (`labyard.fork_server.program`)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import Any

from labyard.fork_server.process import ForkedProcess, NotForkableError, adopt_orphans

__all__ = ["ForkServer"]

PROGRAM = Path(__file__).with_name("program.py")
IMPORT_SECONDS = 120.0
"""Upper bound of the imports of a fork server."""
FORK_SECONDS = 5.0
"""Upper bound of one fork. After it, the ordinary start is faster."""


@dataclass
class _Running:
    """A fork server that has started."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    refusal: str | None = None
    stamps: list[tuple[str, int, int]] = field(default_factory=list)

    def is_current(self) -> bool:
        """Return whether what it has imported is still what is on the disk."""
        return all(_has_stamp(*stamp) for stamp in self.stamps)

    def end(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()


class ForkServer:
    """Keeps one fork server of a kind, and starts another one when it has ended or what it imported has changed.

    Its methods may block, `fork` for up to `FORK_SECONDS`: call them off an event loop, from any thread.

    Parameters
    ----------
    interpreter
        Path of the Python interpreter, and its flags.
    kind
        File of the kind, and its arguments.
    environment
        Variables that it imports with.
    own
        Names of variables that each forked process has for itself. No import may look at them.
    idle_seconds
        Time without `fork` or `prepare` after which it ends; 0: never.
    """

    def __init__(
        self, interpreter: Sequence[str], kind: Sequence[str], environment: Mapping[str, str], own: Callable[[str], bool],
        log: Logger | LoggerAdapter[Any], *, idle_seconds: float = 0,
    ) -> None:  # fmt: skip
        self.interpreter = tuple(interpreter)
        self._kind, self._environment, self._own, self._log, self._idle_seconds = tuple(kind), dict(environment), own, log, idle_seconds
        self._lock = threading.Lock()
        self._starting: threading.Thread | None = None
        self._running: _Running | None = None
        self._closed = False

    def differing(self, environment: Mapping[str, str]) -> list[str]:
        """Return the names of the variables for which `environment` comes too late, because an import may have looked at them."""
        names = {*environment, *self._environment}
        return sorted(name for name in names if not self._own(name) and environment.get(name) != self._environment.get(name))

    def prepare(self) -> None:
        """Start it in a thread unless it runs and is up to date. While it runs, it stays."""
        with self._lock:
            self._why_not()

    def fork(
        self, environment: Mapping[str, str], order: Mapping[str, Any], *, note: Callable[[int], object] | None = None
    ) -> ForkedProcess:
        """Return a new child of ours that becomes what `order` says.

        Parameters
        ----------
        note
            Called with its process id before it begins, to record it.

        Raises
        ------
        NotForkableError
            If nothing was started.
        """
        if late := self.differing(environment):
            raise NotForkableError(f"{', '.join(late)} cannot be set after the imports")
        with self._lock:
            if reason := self._why_not():
                raise NotForkableError(reason)
            assert self._running is not None  # noqa: S101  # `_why_not` has looked
            ours, theirs = socket.socketpair()
            try:
                ours.settimeout(FORK_SECONDS)
                with theirs, adopt_orphans():
                    socket.send_fds(self._running.channel, [b"f"], [theirs.fileno()])
                    theirs.close()
                    process = ForkedProcess(_read(ours)["pid"])
            except (OSError, ValueError) as error:
                ours.close()
                self._end()  # it has ended, or hangs
                self._why_not()  # starts another one
                raise NotForkableError(f"the fork server does not answer ({error or type(error).__name__})") from error
        with ours:
            try:
                if note is not None:
                    note(process.pid)
                ours.sendall(json.dumps({**order, "environment": dict(environment)}).encode() + b"\n")
                refusal = _read(ours)["error"]
            except (OSError, ValueError) as error:
                refusal = f"{error or type(error).__name__}"
        if refusal is not None:
            process.kill()
            process.wait()
            raise NotForkableError(f"the forked process did not begin ({refusal})")
        return process

    def close(self) -> None:
        """End it. What came from it goes on."""
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None

    def _why_not(self) -> str:
        """Return why it cannot fork now, a clause, and have another one started; empty if it can. Called with the lock."""
        running = self._running
        if sys.platform != "linux" or self._closed:
            return f"there is no fork server on {sys.platform}" if not self._closed else "the fork server was ended"
        if self._starting is not None:
            return "the fork server is importing"
        if running is None:
            reason = "there was no fork server"
        elif not running.is_current():
            reason = "a package or the interpreter has changed"
        elif running.refusal is not None:
            return running.refusal
        else:
            try:
                running.channel.sendall(b"s")
            except OSError:
                reason = "the fork server has ended"
            else:
                return ""
        self._end()
        self._starting = threading.Thread(target=self._start, name="fork-server", daemon=True)
        self._starting.start()
        return f"{reason}, and one is being started"

    def _start(self) -> None:
        """Start it, and wait for its imports."""
        running = None
        try:
            running = self._launch()
            running.channel.settimeout(IMPORT_SECONDS)
            said = _read(running.channel)
            running.refusal, running.stamps = said["refusal"], said["stamps"]
            running.channel.settimeout(FORK_SECONDS)
            if running.refusal is not None:
                running.end()
        except (OSError, ValueError) as error:
            self._log.warning("labyard: a fork server did not start: %s", error or type(error).__name__)
            if running is not None:
                running.end()
            running = None
        with self._lock:
            self._starting = None
            self._running = running
            if running is not None and self._closed:
                self._end()
            elif running is not None:
                outcome = f"cannot fork: {running.refusal}" if running.refusal is not None else "is ready"
                self._log.info("labyard: the fork server %s %s", running.process.pid, outcome)

    def _launch(self) -> _Running:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [*self.interpreter, str(PROGRAM), str(theirs.fileno()), str(self._idle_seconds), *self._kind],
                env=self._environment, cwd="/", stdin=subprocess.PIPE, pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
        assert process.stdin is not None  # noqa: S101  # it was asked for
        process.stdin.close()  # a kernel has a pipe there whose other end is closed
        return _Running(process, ours)


def _read(connection: socket.socket) -> dict[str, Any]:
    """Return the next message.

    Raises
    ------
    OSError, ValueError
        If it does not come in time, or the other side has ended.
    """
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(2**16)
        if not part:
            raise ConnectionError("it has ended")
        line += part
    message: dict[str, Any] = json.loads(line)
    return message


def _has_stamp(path: str, mtime: int, size: int) -> bool:
    try:
        state = os.stat(path)  # noqa: PTH116  # a thousand of them, before each fork
    except OSError:
        return False
    return state.st_mtime_ns == mtime and state.st_size == size
