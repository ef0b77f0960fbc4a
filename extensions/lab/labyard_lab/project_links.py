"""The links through which people find their projects in a pod: ``~/projects/NAME``. On one machine the platform keeps them, outside of the home.

A link gives no right to anything: what can be opened there is what the pod has mounted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

__all__ = ["make_project_links"]

FOLDER = "projects"
SECOND_FOLDER = "labyard-projects"
"""Taken where a person has a file of their own that is called ``projects``."""


def make_project_links(environment: Mapping[str, str]) -> Path | None:
    """Make the links that ``LABYARD_PROJECT_LINKS`` names, remove ours to projects that are over, and return their folder; None where there is nothing to do.

    What is no link of ours is left alone.

    Raises
    ------
    OSError
        If the home cannot be written.
    """
    wanted, root = environment.get("LABYARD_PROJECT_LINKS"), environment.get("LABYARD_PROJECTS_DIR")
    if wanted is None or root is None:
        return None
    links: dict[str, str] = json.loads(wanted)
    home = Path(environment["HOME"])
    folder = next((home / name for name in (FOLDER, SECOND_FOLDER) if not (home / name).exists() or (home / name).is_dir()), None)
    if folder is None or (not links and not folder.exists()):
        return None
    folder.mkdir(exist_ok=True)
    targets = {name: f"{root}/{project_id}/files" for name, project_id in links.items()}
    for entry in list(folder.iterdir()):
        target = str(entry.readlink()) if entry.is_symlink() else ""
        if target.startswith(f"{root}/") and target != targets.get(entry.name):
            entry.unlink()
    for name, target in targets.items():
        if not (folder / name).is_symlink() and not (folder / name).exists():
            (folder / name).symlink_to(target)
    return folder
