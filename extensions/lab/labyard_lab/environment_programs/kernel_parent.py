"""Imports what every kernel imports, once, and forks into kernels.

Usage: ``PYTHON [-X ...] kernel_parent.py ipykernel_launcher CHANNEL``

``CHANNEL`` is the number of an open socket to the Jupyter server. A JSON line goes out on it once the imports are done; after that each byte that comes in brings a socket with
it, and means "fork". The new process is the server's child, not ours: it is forked twice, the process between ends, and the server has asked the system for orphans below it.
So a kernel lives on without us, and the server sees it end as it sees any child end. The new process waits at its socket for a JSON line that says which kernel it is to be
(folder, environment variables, arguments), and from there on does what ``python -m ipykernel_launcher`` does. Nothing of one kernel ever passes through the parent.

It runs by the kernel's own interpreter, which may be older than ours, with the standard library and ipykernel alone. The first argument is for people who look for kernels in a
list of processes.
"""

import contextlib
import gc
import importlib
import json
import os
import pathlib
import runpy
import socket
import sys
import threading
import time

LOW_PRIORITY = 10  # a tenth of the processor where others want it all; at the lowest it would take a minute there
THREAD_END_SECONDS = 5.0
MODULES = (
    "ipykernel.kernelapp",
    # A kernel imports these while it starts, and a program that only imports the first does not.
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect", "IPython.extensions.storemagic", "IPython.utils.wildcard",
    "ipykernel.debugger", "encodings.ascii", "encodings.idna", "encodings.latin_1", "faulthandler", "gzip", "pdb", "pkgutil", "pydoc",
    "sqlite3", "tornado.platform.asyncio", "unicodedata",
)  # fmt: skip
"""Of ipykernel 6 and 7; what a version lacks is passed over. Nothing here that a kernel would not have imported by itself: no numpy, no pandas."""


def import_modules(failures):
    """Import what kernels need, at a priority that takes nothing from a server that is busy with its first page.

    A thread's own priority can be lowered, and is gone with it; an ordinary user cannot raise that of a process again. Where the system shares the processor out among sessions
    first, the session's counts, which can.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
    set_session_priority(LOW_PRIORITY)
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            if name == MODULES[0]:
                failures.append(f"{sys.executable} cannot import {name}: {error}")
        except Exception as error:  # noqa: BLE001  whatever a broken package raises, the server is to hear of it
            failures.append(f"importing {name} failed: {type(error).__name__}: {error}")


def set_session_priority(nice):
    """Set this session's priority, where there is such a thing; the system refuses a second change within a tenth of a second."""
    for _ in range(20):
        try:
            pathlib.Path("/proc/self/autogroup").write_text(str(nice))
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return
        else:
            return


def prepare():
    """Import, and return why no kernel can be forked from here; None if one can."""
    failures = []
    worker = threading.Thread(target=import_modules, args=(failures,))
    worker.start()
    worker.join()
    set_session_priority(0)
    if failures:
        return failures[0]
    deadline = time.monotonic() + THREAD_END_SECONDS
    while len(list(pathlib.Path("/proc/self/task").iterdir())) > 1:  # join() returns a moment before the thread has left
        if time.monotonic() > deadline:
            return "something that the interpreter imports at its start has threads, and a process with threads cannot be forked safely"
        time.sleep(0.001)
    gc.collect()
    gc.freeze()  # the collector would write into every object, and so make each child a copy of its own
    return None


def stamps():
    """Return ``[path, mtime in ns, size]`` of everything that decides what was imported: a change of one of them makes this process old."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    files |= {*sys.path, sys.executable, os.path.realpath(sys.executable), f"{sys.prefix}/pyvenv.cfg"}
    found = []
    for path in sorted(path for path in files if path and path.startswith("/")):
        with contextlib.suppress(OSError):
            state = pathlib.Path(path).stat()
            found.append([path, state.st_mtime_ns, state.st_size])
    return found


def tell(channel, **message):
    """Send one JSON line."""
    channel.sendall(json.dumps(message).encode() + b"\n")


def fork_child_of(server, channel):
    """Fork a process whose parent is `server`; return True in it and False here."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return False
    middle = os.getpid()
    if os.fork():
        os._exit(0)
    channel.close()
    os.setsid()
    while os.getppid() == middle:
        time.sleep(0.0002)
    if os.getppid() != server:  # nobody would find it again
        os._exit(1)
    if "numpy.random" in sys.modules:  # Python's own generator does so by itself
        sys.modules["numpy.random"].seed()
    return True


def rehearse():
    """Go through a part of a kernel's start that leaves nothing behind: what it touches is this process's own then, and need not be copied when it counts."""
    from ipykernel.kernelapp import IPKernelApp

    with contextlib.suppress(Exception):  # it is no loss if another version of ipykernel does this in another way
        IPKernelApp().parse_command_line(["-f", "kernel.json"])


def become_kernel(server, changes):
    """Wait to be told which kernel to be, and be it until it ends. `changes` are the variables that imports have set."""
    tell(server, pid=os.getpid())
    rehearse()
    with server.makefile("rb") as lines:
        line = lines.readline()
    if not line.endswith(b"\n"):
        os._exit(0)  # the server is gone, or has no use for this one
    order = json.loads(line)
    try:
        os.chdir(order["folder"])
    except OSError as error:
        tell(server, error=f"{error.strerror}: {order['folder']}")
        os._exit(1)
    os.environ.clear()
    os.environ.update({**order["environment"], **changes})
    tell(server, error=None)
    server.close()
    sys.argv = ["-m", *order["arguments"]]
    sys.orig_argv = order["command"]
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, str(pathlib.Path.cwd()))
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


def main():
    """Serve the server until it closes the channel; in a forked process, be a kernel."""
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # this file's folder
    server = os.getppid()
    channel = socket.socket(fileno=int(sys.argv[2]))
    former = dict(os.environ)
    tell(channel, refusal=prepare(), stamps=stamps())
    changes = {name: value for name, value in os.environ.items() if former.get(name) != value}
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not message or not descriptors:
            return
        own = socket.socket(fileno=descriptors[0])
        if fork_child_of(server, channel):
            become_kernel(own, changes)
            return
        own.close()


if __name__ == "__main__":
    main()
