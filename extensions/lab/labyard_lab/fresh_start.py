"""Starts a project's server without what its home would have started by itself.

Its members share one account and one home. What one of them left there to be run, or to be read as configuration, must not run as the next one's when they are gone.
So Jupyter and IPython get folders that are new at each start. Into them lead links to the data of the home, which nothing runs.
"""

from __future__ import annotations

import os
import site
import tempfile
from pathlib import Path

__all__ = ["start_afresh"]

DATA = Path(".local") / "share" / "jupyter"
KEPT_DATA = ("file_id_manager.db", "nbsignatures.db", "notebook_secret")
"""Which document is which, and which notebooks are trusted."""
PROFILE = Path(".ipython") / "profile_default"
HISTORY = "history.sqlite"


def start_afresh() -> None:
    """Set this process's environment, which kernels, terminals and tools inherit; it does nothing in a person's own server."""
    if not os.environ.get("LABYARD_PROJECT"):
        return
    home = Path.home()
    runtime = os.environ.get("JUPYTER_RUNTIME_DIR")
    if runtime:
        Path(runtime).mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="start-", dir=runtime))  # of a name that nobody could know before
    _link(home / DATA, folder / "data", KEPT_DATA)
    _link(home / PROFILE, folder / "ipython" / PROFILE.name, (HISTORY,))
    (folder / "config").mkdir()
    os.environ |= {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / ".jupyter" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / ".jupyter" / "lab" / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONNOUSERSITE": "1",
    }
    site.ENABLE_USER_SITE = False


def _link(home: Path, fresh: Path, names: tuple[str, ...]) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh.mkdir(parents=True)
    for name in names:
        (fresh / name).symlink_to(home / name)
