"""Says how a fork server (`labyard.fork_server.program`) becomes a single-user server.

Its argument is a module with ``preload()``, which imports, and ``main()``, which is the server. The fork server runs nothing of a user's. A forked process becomes the user
before it reads anything of theirs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from logging import Logger
from pathlib import Path
from typing import Any

import setproctitle

from labyard.fork_server.client import ForkServer
from labyard_hub.backends.local.limits import Become, drop_privileges
from labyard_hub.backends.local.process_controls import allow_inspection

__all__ = ["MODULE", "is_own", "single_user_fork_server", "single_user_program"]

MODULE = "labyard_lab.singleuser"
OWN_PREFIXES = ("JUPYTER", "JPY_", "LABYARD_", "MEM_", "CPU_")
OWN_VARIABLES = frozenset({"HOME", "USER", "LOGNAME", "SHELL", "XDG_RUNTIME_DIR", "CUDA_VISIBLE_DEVICES", "MLFLOW_TRACKING_AUTH"})


def is_own(name: str) -> bool:
    """Return whether each server has the variable `name` for itself. No import of `labyard_lab.singleuser.preload` keeps one."""
    return name in OWN_VARIABLES or name.startswith(OWN_PREFIXES)


def single_user_program() -> Path:
    """Return the program that a single-user server is."""
    return Path(sys.prefix) / "bin" / "labyard-singleuser"


def single_user_fork_server(environment: Mapping[str, str], log: Logger) -> ForkServer:
    """Return a fork server for servers that have `environment` in common. No secret of one server may be in it."""
    return ForkServer([sys.executable, "-P"], [__file__, MODULE], environment, is_own, log)


def preload(module: str) -> None:
    """Import what every server imports."""
    setproctitle.setproctitle("labyard fork server")  # it looks where the environment lies in memory, which a child replaces
    importlib.import_module(module).preload()


def become(order: dict[str, Any]) -> None:
    """Turn this process into the user's."""
    null, log = os.open(os.devnull, os.O_RDONLY), os.open(order["output"], os.O_WRONLY | os.O_APPEND)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(log)
    drop_privileges(Become(**order["become"]))
    # The kernel lets root alone look into a process that was root. There is nothing of root's to see in this one, and its own tools want to look.
    allow_inspection()


def run(order: dict[str, Any]) -> None:
    """Be the server."""
    sys.argv = order["argv"]
    setproctitle.setproctitle(" ".join(sys.argv))
    importlib.import_module(order["module"]).main()
