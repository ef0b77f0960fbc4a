"""Sends what is done in a project's folder to the project's workspace.

MLflow reads ``MLFLOW_WORKSPACE`` wherever it needs to know: in requests, in the links that it prints, in background threads. So the workspace of the folder is
written there, before each request, where nothing else stands there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider

from labyard_mlflow.folders import project_of, talks_to_platform
from labyard_mlflow.links import show_public_links

__all__ = ["FolderWorkspace", "follow_folder"]

VARIABLE = "MLFLOW_WORKSPACE"
MARK = "LABYARD_MLFLOW_WORKSPACE"
"""What we wrote there. A process that is started from this one knows by it that nobody chose the workspace."""


class FolderWorkspace(RequestHeaderProvider):
    """Not for a header: MLflow asks it before each request, which is when the folder is looked at."""

    def in_context(self) -> bool:
        """Look where we are, and see to the links that MLflow prints."""
        show_public_links()
        follow_folder()
        return False

    def request_headers(self) -> dict[str, str]:
        """Return none: MLflow names its workspace itself."""
        return {}


class _Follower:
    """Keeps ``MLFLOW_WORKSPACE`` in step with the current folder.

    While a run is going on, in whatever thread, the folder that it was started in counts: a program may change its folder in between, and its run stays where it is.
    That lasts until the folder changes once more, because MLflow takes a run off its list before it tells the server that it has ended.
    """

    def __init__(self) -> None:
        self._in_run = False
        self._held: Path | None = None

    def follow(self) -> str | None:
        chosen, ours = os.environ.get(VARIABLE), os.environ.get(MARK)
        if chosen and chosen != ours:
            return chosen
        folder = _folder()
        if _runs_are_active():
            self._in_run = True
            return chosen
        if self._in_run:
            self._in_run, self._held = False, folder
        if folder is not None and folder == self._held:
            return chosen
        self._held = None
        project = project_of(folder) if folder is not None and talks_to_platform() else None
        workspace = project.workspace if project is not None else None
        if workspace != chosen:
            _write(workspace)
        return workspace


_FOLLOWER = _Follower()


def follow_folder() -> str | None:
    """Set the workspace of the current folder, unless one is chosen, and return the one in force; None is one's own.

    A workspace that is chosen, by ``mlflow.set_workspace`` or ``MLFLOW_WORKSPACE``, comes first.
    """
    return _FOLLOWER.follow()


def _write(workspace: str | None) -> None:
    for name in (VARIABLE, MARK):
        if workspace is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = workspace


def _folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it is gone
        return None


def _runs_are_active() -> bool:
    stacks = getattr(sys.modules.get("mlflow.tracking.fluent"), "_active_run_stack", None)
    # Not public, so a version that has it no longer only loses what it gives.
    values = getattr(stacks, "get_all_thread_values", dict)()
    return any(values.values())
