"""Which project a folder belongs to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProjectFolder", "project_of", "talks_to_platform"]


@dataclass(frozen=True)
class ProjectFolder:
    """A project's shared folder.

    Attributes
    ----------
    workspace
        The project's MLflow workspace.
    path
        The folder, symbolic links resolved.
    """

    workspace: str
    path: Path


def project_of(folder: Path) -> ProjectFolder | None:
    """Return the project whose shared folder `folder` lies in; None elsewhere.

    It is found by where the folder really is, ``LABYARD_PROJECTS_DIR/ID/files/...``, so the links in ``~/projects`` lead to the same one.
    """
    root = os.environ.get("LABYARD_PROJECTS_DIR")
    if not root:
        return None
    try:
        projects = Path(root).resolve()
        parts = folder.resolve().relative_to(projects).parts
    except (OSError, RuntimeError, ValueError):  # a folder that is gone, or not below
        return None
    if len(parts) < 2 or parts[1] != "files":
        return None
    return ProjectFolder(parts[0], projects / parts[0] / "files")


def talks_to_platform() -> bool:
    """Return whether MLflow's client talks to the platform's server; another one is not ours to tell anything."""
    from mlflow.tracking import get_tracking_uri  # noqa: PLC0415  # MLflow loads its plug-ins while it is being imported itself

    ours = os.environ.get("LABYARD_MLFLOW_URL", "").rstrip("/")
    return bool(ours) and str(get_tracking_uri()).rstrip("/") == ours
