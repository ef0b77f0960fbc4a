"""The nursery: a process that has imported what every single-user server imports, and forks one per request.

Usage: ``python -P -m labyard_hub.backends.local.nursery_parent SOCKET MODULE PROGRAM``. The module has ``preload()``, called once, ``main()``, which is what PROGRAM would run, and
``HANDLED_VARIABLES``: those variables of the environment that imports look at and that ``main`` makes good.

The parent runs nothing of a user's and never learns a secret: it forks when somebody connects, before a byte is read. The child reads what it is to become, and first of all becomes the
user. Where it cannot serve, because a variable differs that an import has already looked at, or another program is wanted, it executes the program in the ordinary way, and says why.
The parent has one thread, so no lock is held by another one when it forks. When what it has imported changes on disk, it starts itself anew; the children stay.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import setproctitle

from labyard_hub.backends.local.limits import Limits, drop_privileges
from labyard_hub.backends.local.process_controls import allow_inspection

__all__ = ["GO", "HEADER", "main"]

HEADER = struct.Struct("!I")
"""How long the request is that follows, in bytes."""
GO = b"g"
"""What the asker sends once it has noted the process: whoever has given up by then has started the server in another way."""
MAX_REQUEST_BYTES = 2**20
REQUEST_TIMEOUT_SECONDS = 10.0
LOOK_SECONDS = 30.0
"""How often it is looked, without a request, whether the environment has changed."""
LOADER_PREFIXES = ("PYTHON", "LD_", "MALLOC_", "GLIBC_TUNABLES")
"""Variables that Python and the C library look at before any of our code runs."""
HARMLESS = frozenset({"PATH", "PYTHONUNBUFFERED", "TZ"})
"""Variables that may differ: one is for finding programs, one is for logs, and the clock of a child is set anew."""


class Child(Exception):  # noqa: N818  # not an error: it unwinds a child's stack down to `main`
    """Raised in a child with the connection to whoever asked for it."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self.connection = connection


def preload(module: str) -> dict[str, str | None]:
    """Call ``preload()`` of `module`, and return the variables of the environment that were looked at meanwhile, with what they were; None: not there."""
    found: dict[str, str | None] = {}
    kind = type(os.environ)
    get = kind.__getitem__

    def noted(environment: Any, name: Any) -> Any:
        try:
            value = get(environment, name)
        except KeyError:
            found[os.fsdecode(name)] = None
            raise
        found[os.fsdecode(name)] = os.fsdecode(value)
        return value

    kind.__getitem__ = noted  # type: ignore[method-assign]
    try:
        importlib.import_module(module).preload()
    finally:
        kind.__getitem__ = get  # type: ignore[method-assign]
    return found


def differing(looked_at: Mapping[str, str | None], environment: Mapping[str, str], handled: Iterable[str]) -> list[str]:
    """Return the names of the variables for which `environment` comes too late."""
    names = {name for name, value in looked_at.items() if environment.get(name) != value}
    both = {**environment, **os.environ}
    names.update(name for name in both if name.startswith(LOADER_PREFIXES) and environment.get(name) != os.environ.get(name))
    return sorted(names - HARMLESS - set(handled))


def stamp(folders: Iterable[str]) -> int:
    """Return a number that is another one as soon as a package is installed or a module changed that is in use."""
    files = {str(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    total = 0
    for path in (*sorted(files), *folders):
        try:
            found = os.stat(path)  # noqa: PTH116  # a thousand of them for each start
            total = hash((total, found.st_mtime_ns, found.st_size, found.st_ino))
        except OSError:
            total = hash((total, path))
    return total


class Parent:
    """Listens, forks and reaps.

    Parameters
    ----------
    path
        Path of the socket, in a folder that only its owner can write to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folders = [folder for folder in sys.path if folder]
        self._stamp = stamp(self._folders)
        self._askers: dict[int, socket.socket] = {}
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def run(self) -> NoReturn:
        """Serve for ever.

        Raises
        ------
        Child
            In each child.
        """
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._listen()
        while True:
            ready, _, _ = select.select([self._listener.fileno(), self._wake_read], [], [], LOOK_SECONDS)
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            self._reap()
            if stamp(self._folders) != self._stamp:
                self._renew()
            if self._listener.fileno() in ready:
                self._accept()

    def _listen(self) -> None:
        """Take the place of a former parent at once, so that an asker meets one or the other."""
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._listener.bind(str(fresh))
        finally:
            os.umask(mask)
        self._listener.listen(128)
        fresh.replace(self._path)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", credentials)[1] != os.geteuid():
            connection.close()
            return
        if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  # it is no folder of ours
            _say("an import has started a thread, so servers start in the ordinary way")
            connection.close()
            return
        pid = os.fork()
        if pid == 0:
            self._leave_to_child(connection)
            raise Child(connection)
        self._askers[pid] = connection

    def _leave_to_child(self, connection: socket.socket) -> None:
        """Close in a child what is the parent's: nobody may listen in its place, or hear of another child's end."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._listener.close()
        for other in self._askers.values():
            other.close()
        self._askers.clear()
        os.close(self._wake_read)
        os.close(self._wake_write)
        kept = connection.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            asker = self._askers.pop(pid, None)
            if asker is not None:
                with contextlib.suppress(OSError):
                    asker.send(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode())
                asker.close()

    def _renew(self) -> NoReturn:
        """Start anew in the same process: the children stay its children, and whoever asks meanwhile starts a server in the ordinary way."""
        _say("what is imported has changed on disk: starting anew")
        self._path.unlink(missing_ok=True)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # its own arguments, no shell


def become(request: dict[str, Any], log: int) -> None:
    """Turn this child into the user's process, before anything of the user's is read."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    drop_privileges(**{**request["become"], "limits": Limits(**request["become"]["limits"])})
    # The kernel lets root alone look into a process that was root. There is nothing of root's to see in this one, and its own tools want to look.
    allow_inspection()


def receive(connection: socket.socket) -> tuple[dict[str, Any], int]:
    """Return the request, and the descriptor of the log that comes with it.

    Raises
    ------
    ValueError
        If it is not one.
    OSError
        If it does not come in time.
    """
    connection.settimeout(REQUEST_TIMEOUT_SECONDS)
    head, descriptors, _, _ = socket.recv_fds(connection, HEADER.size, 1)
    if len(head) < HEADER.size or len(descriptors) != 1:
        raise ValueError("half a request")
    (size,) = HEADER.unpack(head)
    if size > MAX_REQUEST_BYTES:
        raise ValueError("too long a request")
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ValueError("half a request")
        data += part
    return json.loads(data), descriptors[0]


def serve_child(connection: socket.socket, module: str, program: str, looked_at: Mapping[str, str | None]) -> None:
    """Do what a child has to."""
    try:
        request, log = receive(connection)
    except (ValueError, OSError):
        os._exit(1)
    argv: list[str] = request["argv"]
    why = f"another program is wanted ({argv[0]})" if argv[0] != program else ""
    handled = importlib.import_module(module).HANDLED_VARIABLES
    if not why and (late := differing(looked_at, request["environment"], handled)):
        why = f"{', '.join(late)} cannot be set once Python runs and modules are imported"
    connection.send(json.dumps({"pid": os.getpid(), "ordinary": why}).encode())
    if connection.recv(1) != GO:
        os._exit(1)
    connection.close()
    become(request, log)
    if why:
        os.execve(argv[0], argv, request["environment"])  # noqa: S606  # its own arguments, no shell
    gc.enable()
    sys.argv = argv
    setproctitle.setproctitle(" ".join(argv))
    importlib.import_module(module).main()


def _say(text: str) -> None:
    print(f"nursery: {text}", file=sys.stderr, flush=True)  # noqa: T201  # its log


def main() -> None:
    """Import, and serve."""
    path, module, program = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    setproctitle.setproctitle(f"labyard nursery {path}")  # it looks where the environment lies in memory, which a child replaces
    gc.disable()
    looked_at = preload(module)
    gc.collect()
    gc.freeze()  # the collector writes into each object that it looks at, which would make a copy of all of them in each child
    _say(f"ready, {len(sys.modules)} modules imported")
    try:
        Parent(path).run()
    except Child as child:
        connection = child.connection
    serve_child(connection, module, program, looked_at)


if __name__ == "__main__":
    main()
