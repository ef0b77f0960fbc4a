"""Asks the nursery (`labyard_hub.backends.local.nursery_parent`) for a process."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labyard_hub.backends.local.limits import Limits
from labyard_hub.backends.local.nursery_parent import GO, HEADER
from labyard_hub.backends.local.processes import ProcessRecord
from labyard_hub.backends.local.runtime import runtime_root
from labyard_hub.config.state import StateFolder

__all__ = ["Become", "ForkedProcess", "NurseryUnavailableError", "fork_process", "nursery_socket", "single_user_program"]

TIMEOUT_SECONDS = 5.0
"""How long a fork may take before the ordinary start is sooner done."""


class NurseryUnavailableError(Exception):
    """There is no nursery, or it cannot serve now; nothing was started."""


@dataclass(frozen=True)
class Become:
    """Whom the process is for: what `labyard_hub.backends.local.limits.drop_privileges` wants to know."""

    uid: int
    gid: int
    unix_name: str
    home: str
    join: list[str]
    limits: Limits
    isolated: bool
    umask: int


class ForkedProcess:
    """A process that the nursery forked: as much of `subprocess.Popen` as a spawner needs.

    Attributes
    ----------
    pid
        Process id.
    ordinary
        Why it starts in the ordinary way after all; empty where it was forked warm.
    """

    def __init__(self, record: ProcessRecord, connection: socket.socket, ordinary: str) -> None:
        self.pid, self.ordinary = record.pid, ordinary
        self._record, self._connection = record, connection
        self._status: int | None = None
        self._close = weakref.finalize(self, connection.close)

    def poll(self) -> int | None:
        """Return None while it runs, then its exit status; 0 where the nursery has died since and nobody knows."""
        if self._status is not None:
            return self._status
        try:
            told = self._connection.recv(256)
        except BlockingIOError:
            return None
        except OSError:
            told = b""
        if told:
            self._status = int(json.loads(told)["status"])
        elif not self._record.is_running():
            self._status = 0
        if self._status is not None:
            self._close()
        return self._status


def nursery_socket(state: StateFolder) -> Path:
    """Return the socket of the nursery of this state folder."""
    return runtime_root(state) / "nursery.sock"


def single_user_program() -> Path:
    """Return the program that a single-user server is."""
    return Path(sys.prefix) / "bin" / "labyard-singleuser"


def fork_process(
    path: Path, argv: Sequence[str], environment: Mapping[str, str], become: Become, log: int, *, note: Callable[[int], ProcessRecord]
) -> ForkedProcess:
    """Have a process forked. May take some milliseconds, in the worst case `TIMEOUT_SECONDS`: call it off an event loop.

    Parameters
    ----------
    path
        The nursery's socket.
    log
        File descriptor that its output goes to.
    note
        Called with its process id before it begins, to record it.

    Raises
    ------
    NurseryUnavailableError
        If nothing was started, so that it can be in another way.
    """
    request = json.dumps({"argv": list(argv), "environment": dict(environment), "become": asdict(become)}).encode()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(str(path))
        _check_peer(connection)
        socket.send_fds(connection, [HEADER.pack(len(request))], [log])
        connection.sendall(request)
        answer: dict[str, Any] = json.loads(connection.recv(4096))
        if not answer:
            raise NurseryUnavailableError("it closed the connection: its log says why")
        record = note(int(answer["pid"]))
        connection.sendall(GO)
        connection.setblocking(False)
    except NurseryUnavailableError:
        connection.close()
        raise
    except (FileNotFoundError, ConnectionRefusedError) as error:
        connection.close()
        raise NurseryUnavailableError("it is not ready yet, or not any more") from error
    except (OSError, ValueError) as error:
        connection.close()
        raise NurseryUnavailableError(f"it gave no answer; its log may say why ({error})") from error
    return ForkedProcess(record, connection, str(answer["ordinary"]))


def _check_peer(connection: socket.socket) -> None:
    """Make sure that it is our own nursery which listens there: it is told the tokens of a server."""
    uid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[1]
    if uid != os.geteuid():
        raise NurseryUnavailableError("somebody else listens there")
