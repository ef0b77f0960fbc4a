"""Says how a fork server (`labyard.fork_server.program`) becomes a kernel.

It runs by the kernel's own interpreter, which may be older than ours, with the standard library and ipykernel alone.
"""

import contextlib
import importlib
import os
import pathlib
import runpy
import sys

MODULES = (
    "ipykernel.kernelapp",
    # A kernel imports these while it starts, and a program that only imports the first does not.
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect", "IPython.extensions.storemagic", "IPython.utils.wildcard",
    "ipykernel.debugger", "encodings.ascii", "encodings.idna", "encodings.latin_1", "faulthandler", "gzip", "pdb", "pkgutil", "pydoc",
    "sqlite3", "tornado.platform.asyncio", "unicodedata",
)  # fmt: skip
"""Of ipykernel 6 and 7; what a version lacks is passed over. Nothing here that a kernel would not have imported by itself: no numpy, no pandas."""


def preload(*_):
    """Import what kernels need. The argument is for people who look for kernels in a list of processes."""
    for name in MODULES:
        try:
            with contextlib.suppress(ImportError) if name != MODULES[0] else contextlib.nullcontext():
                importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  whatever a broken package raises, the server is to hear of it
            return f"{sys.executable} cannot import {name}: {error or type(error).__name__}"
    return None


def become(order):
    """Go to the kernel's folder."""
    os.chdir(order["folder"])


def run(order):
    """Do what ``python -m ipykernel_launcher`` does."""
    sys.argv = ["-m", *order["command"][-2:]]
    sys.orig_argv = order["command"]
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, str(pathlib.Path.cwd()))
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
