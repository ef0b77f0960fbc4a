"""Starts a server without its owner's own configuration where it does not start with it: a mistake there, or a full home, must not lock anybody out.

What Jupyter reads of the owner's as configuration lies in one folder, so another one is named in its place. Files, kernels and JupyterLab's settings stay.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["SAFE_START", "note_started", "run_or_start_safely", "safe_start_reason"]

SAFE_START = "LABYARD_SAFE_START"
"""Variable with the reason of a safe start, in a sentence for its owner."""
ASKED = "1"
"""Value of the variable where the owner asked for it."""
_started = False


def note_started() -> None:
    """Note that the server has started, so that its end is not taken for a failed start."""
    global _started  # noqa: PLW0603  # one server per process
    _started = True


def safe_start_reason() -> str:
    """Return why this server runs without its owner's configuration; empty if it has it."""
    reason = os.environ.get(SAFE_START, "")
    return "You asked for it when you started this server." if reason == ASKED else reason


def run_or_start_safely(run: Callable[[], object]) -> None:
    """Run the server; if it fails before it has started, become one without its owner's configuration.

    A server that does not belong to a hub, and one that has started safely already, is left to fail.
    """
    if os.environ.get(SAFE_START) == ASKED and not sys.flags.no_user_site:
        _become_safe(ASKED)
    if not os.environ.get("JUPYTERHUB_USER") or os.environ.get(SAFE_START):
        run()
        return
    try:
        run()
    except (Exception, SystemExit) as error:  # whatever the owner's code raises
        if _started:
            raise
        reason = _reason(error)
        logging.getLogger("labyard").warning("labyard: safe start: %s", reason, exc_info=error)
        _become_safe(reason)


def _become_safe(reason: str) -> None:
    """Replace this process by a server that does not see its owner's configuration."""
    own = Path(os.environ.get("JUPYTER_CONFIG_DIR") or Path.home() / ".jupyter")
    folder = Path(os.environ.get("JUPYTER_RUNTIME_DIR") or tempfile.mkdtemp(prefix="labyard-")) / "safe-start"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {
        "JUPYTERLAB_SETTINGS_DIR": str(own / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "lab" / "workspaces"),
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(folder),
        SAFE_START: reason,
    }
    # -s: without packages of the owner's that Python would find before ours.
    os.execve(sys.executable, [sys.executable, "-P", "-s", "-m", "labyard_lab.singleuser", *sys.argv[1:]], environment)  # noqa: S606


def _reason(error: BaseException) -> str:
    from labyard_lab.full_disk import is_for_room  # noqa: PLC0415  # only what fails needs it

    if is_for_room(error):
        return "Your home folder is full. Delete files that you no longer need, then start this server again."
    while isinstance(error, SystemExit) and error.__context__ is not None:
        error = error.__context__  # what Jupyter has told in its log before it left
    first = f"{type(error).__name__}: {error}".rstrip(": ").partition("\n")[0][:300]
    return f"It did not start with your own Jupyter configuration ({first}). Correct the files in ~/.jupyter, then start this server again."
