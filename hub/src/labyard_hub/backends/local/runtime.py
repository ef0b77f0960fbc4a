"""Folders for Unix sockets and kernel connection files.

They lie outside the state folder because the path of a Unix socket has at most 107 bytes, and a state folder may be deep. Each server's folder can be entered by its
user alone: anyone who can open a kernel's socket can read its output.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from labyard_hub.backends.local.accounts import Account
from labyard_hub.config.state import StateFolder

__all__ = ["make_runtime_folder", "make_runtime_root", "proxy_socket", "remove_runtime_folder", "runtime_root"]


def runtime_root(state: StateFolder) -> Path:
    """Return the folder of all runtime folders of this state folder: below ``/run`` for root, else below the user's runtime folder."""
    if os.geteuid() == 0:
        return Path("/run/labyard") / state.instance
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return base / f"labyard-{os.geteuid()}-{state.instance}"


def proxy_socket(state: StateFolder) -> Path:
    """Return the socket by which the proxy is told its routes."""
    return runtime_root(state) / "proxy.sock"


def _folder(state: StateFolder, user: str, server: str) -> Path:
    return runtime_root(state) / hashlib.sha256(f"{user}/{server}".encode()).hexdigest()[:8]


def make_runtime_root(state: StateFolder) -> Path:
    """Make the folder of all runtime folders where it is missing, and return it.

    Raises
    ------
    PermissionError
        If somebody else owns it, as a hostile user of the machine might arrange in a shared temporary folder.
    """
    root = runtime_root(state)
    root.mkdir(mode=0o711, parents=True, exist_ok=True)
    found = root.lstat()
    if found.st_uid != os.geteuid() or root.is_symlink():
        raise PermissionError(1, "it belongs to somebody else", str(root))
    root.chmod(0o711)
    return root


def make_runtime_folder(state: StateFolder, account: Account, server: str) -> Path:
    """Make the runtime folder of one server afresh, for its account alone, and return it.

    Raises
    ------
    PermissionError
        If somebody else owns the folder's parent.
    """
    make_runtime_root(state)
    folder = _folder(state, account.user, server)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.chown(folder, account.uid, account.gid)
    return folder


def remove_runtime_folder(state: StateFolder, user: str, server: str) -> None:
    """Remove the runtime folder of one server."""
    shutil.rmtree(_folder(state, user, server), ignore_errors=True)
