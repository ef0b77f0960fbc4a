"""A process that a fork server made, and how it becomes our child."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from collections.abc import Iterator

__all__ = ["ForkedProcess", "NotForkableError", "adopt_orphans"]

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class NotForkableError(Exception):
    """A process needs the ordinary start; the message, a clause, says why. Nothing was started."""


class ForkedProcess:
    """A child of ours that the fork server made: as much of `subprocess.Popen` as spawners and Jupyter's provisioners use."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess.Popen` does; None while it runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait until it has ended, and return how."""
        return self._wait(0)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:  # something else has asked before us, and nobody knows the answer now
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

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


_reaper = threading.Lock()


@contextlib.contextmanager
def adopt_orphans() -> Iterator[None]:
    """While it is open, a process below us whose parent ends becomes our child.

    No longer than that: other orphans below us belong to the system, which collects them when they end. We would not.
    """
    with _reaper:
        _subreaper(1)
        try:
            yield
        finally:
            _subreaper(0)


def _subreaper(on: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
