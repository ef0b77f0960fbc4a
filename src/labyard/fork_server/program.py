"""Import what many processes need, once, and fork into them.

Usage: ``PYTHON program.py CHANNEL IDLE_SECONDS KIND [ARGUMENT ...]``

``CHANNEL`` is the number of an open socket to the asker, our parent. ``KIND`` is a Python file with three functions:

* ``preload(*arguments)`` imports, and returns why nothing can be forked, or None;
* ``become(order)`` turns a forked process into what the order says: account, limits, folder, output;
* ``run(order)`` does its work.

One JSON line goes out on the channel after the imports. After that each byte that comes in with a socket means "fork", a byte without one "stay", and the end of the channel, or
`IDLE_SECONDS` without a byte, "end". A forked process is the asker's child, not ours: it is forked twice, the process between ends, and the asker has the system give it orphans.
So it lives on without us, and the asker sees it end as any child. Its order comes by its own socket: nothing of one forked process ever passes through this one, no secret either.

This runs by any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import pathlib
import socket
import sys
import time
from typing import Any


def load(path: str) -> Any:
    """Import the file of a kind."""
    spec = importlib.util.spec_from_file_location("labyard_fork_kind", path)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018  # it is a Python file
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stamps(began_ns: int) -> list[tuple[str, int, int]]:
    """Return path, mtime in ns, and size of everything that decides what was imported. A change of one of them makes this process outdated.

    What has changed since `began_ns` may have been imported before it changed, so its time is -1, which is no file's.
    """
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    files |= {*sys.path, sys.executable, os.path.realpath(sys.executable), f"{sys.prefix}/pyvenv.cfg"}
    found = []
    now = time.time_ns()
    for path in sorted(path for path in files if path and path.startswith("/")):
        with contextlib.suppress(OSError):
            state = pathlib.Path(path).stat()
            found.append((path, -1 if began_ns < state.st_mtime_ns <= now else state.st_mtime_ns, state.st_size))
    return found


def tell(connection: socket.socket, **message: Any) -> None:
    """Send one JSON line."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def fork_child_of(asker: int) -> bool:
    """Fork a process whose parent is `asker`; return True in it and False here."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return False
    middle = os.getpid()
    if os.fork():
        os._exit(0)
    os.setsid()
    while os.getppid() == middle:
        time.sleep(0.0002)
    if os.getppid() != asker:  # nobody would find it again
        os._exit(1)
    if "numpy.random" in sys.modules:  # Python's own generator does so by itself
        sys.modules["numpy.random"].seed()
    return True


def serve(own: socket.socket, kind: Any, changes: dict[str, str]) -> None:
    """Be the process that the order at `own` describes. `changes` are the variables that imports have set."""
    for number in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208  # it is no folder of ours
        if number > 2 and number != own.fileno():  # standard input and output
            with contextlib.suppress(OSError):
                os.close(number)
    tell(own, pid=os.getpid())
    with own.makefile("rb") as lines:
        line = lines.readline()
    if not line.endswith(b"\n"):
        os._exit(0)  # the asker is gone, or has given up
    order = json.loads(line)
    os.environ.clear()
    os.environ.update({**order["environment"], **changes})
    try:
        kind.become(order)
    except OSError as error:
        tell(own, error=str(error))
        os._exit(1)
    tell(own, error=None)
    own.close()
    kind.run(order)


def main() -> None:
    """Serve the asker until it closes the channel; in a forked process, be what it ordered."""
    asker, former, began_ns = os.getppid(), dict(os.environ), time.time_ns()
    channel, idle_seconds, kind = socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]), load(sys.argv[3])
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # this file's folder
    refusal = kind.preload(*sys.argv[4:])
    if refusal is None and len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  # it is no folder of ours
        refusal = "an import has started a thread, and a process with threads cannot be forked safely"
    changes = {name: value for name, value in os.environ.items() if former.get(name) != value}
    gc.collect()
    gc.freeze()  # the collector would write into every object, and so make each child a copy of its own
    tell(channel, refusal=refusal, stamps=stamps(began_ns))
    if refusal is not None:
        return
    channel.settimeout(idle_seconds or None)
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        except TimeoutError:
            return
        if not message:
            return
        if descriptors:
            own = socket.socket(fileno=descriptors[0])
            if fork_child_of(asker):
                serve(own, kind, changes)
                return
            own.close()


if __name__ == "__main__":
    main()
