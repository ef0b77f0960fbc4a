"""From a folder in a request to a folder on the disk, never outside the server's root."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from labyard_lab.exceptions import FolderError

__all__ = ["instance_id", "resolve_folder"]


def resolve_folder(root: Path, folder: str, projects: Path | None = None) -> tuple[Path, str]:
    """Return the absolute path of `folder` and its path relative to `root`, ``""`` for the root itself.

    Symbolic links are followed first, so that one folder has one name and a link cannot lead out. The links in ``~/projects`` lead into the folders of projects,
    which is where they shall lead; who gets in there is up to the kernel.

    Parameters
    ----------
    projects
        Parent of the folders of projects; None where there are none.

    Raises
    ------
    FolderError
        If it is absolute, lies outside the root, does not exist or is no folder.
    """
    if "\0" in folder:
        raise FolderError(folder, "its name holds a zero byte")
    if folder.startswith("/"):
        raise FolderError(folder, "give its path relative to the folder that JupyterLab shows")
    real_root = root.resolve()
    try:
        path = (real_root / PurePosixPath(folder)).resolve(strict=True)
    except FileNotFoundError:
        raise FolderError(folder, "there is no such folder") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go round in a circle
        raise FolderError(folder, f"it cannot be opened ({getattr(error, 'strerror', None) or 'links in a circle'})") from None
    in_project = projects is not None and path.is_relative_to(projects.resolve())
    if not in_project and not path.is_relative_to(real_root):
        raise FolderError(folder, "it lies outside the folder that JupyterLab shows")
    if not path.is_dir():
        raise FolderError(folder, "it is not a folder")
    if in_project and not path.is_relative_to(real_root):
        return path, _name_in_project(real_root, PurePosixPath(folder), path)
    relative = path.relative_to(real_root).as_posix()
    return path, "" if relative == "." else relative


def _name_in_project(root: Path, asked: PurePosixPath, path: Path) -> str:
    """Return the one name below `root` of the folder `path`, which lies in a project: the link into the project, and the real way from there."""
    for link in (*reversed(asked.parents), asked):
        where = (root / link).resolve()
        if path.is_relative_to(where) and not where.is_relative_to(root):
            return (link / path.relative_to(where).as_posix()).as_posix()
    return asked.as_posix()


def instance_id(tool: str, folder: str | None) -> str:
    """Return the identifier of the instance of `tool` on `folder`: the same one every time."""
    if folder is None:
        return tool
    return f"{tool}-{hashlib.sha256(folder.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"
