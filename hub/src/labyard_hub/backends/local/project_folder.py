"""The top of a project's folder: whom it lets in is who gets in at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from labyard_hub.backends.local.acl import read_acl, write_acl
from labyard_hub.backends.local.project_rights import Rights
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import ProjectFilesError

__all__ = ["close_top", "files_folder", "secure_top"]


def files_folder(project_id: str, state: StateFolder) -> Path:
    """Return the path of the folder that the members share."""
    return state.projects / project_id / "files"


def secure_top(project_id: str, state: StateFolder, rights: Rights) -> None:
    """Make the shared folder where it is missing, and let in who shall get in and nobody else.

    It is root's, so no member can change its mode. Folders below inherit its list.

    Raises
    ------
    ProjectFilesError
        If the file system has no access lists, or it cannot be done.
    """
    path = files_folder(project_id, state)
    try:
        path.parent.mkdir(mode=0o711, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _set(top, rights)
        finally:
            os.close(top)
    except OSError as error:
        raise ProjectFilesError(project_id, _explain(error, path)) from error


def close_top(project_id: str, state: StateFolder) -> None:
    """Let nobody in any more; nothing happens where there is no folder.

    Raises
    ------
    ProjectFilesError
        If it cannot be done.
    """
    path = files_folder(project_id, state)
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ProjectFilesError(project_id, _explain(error, path)) from error
    try:
        for kind in ("access", "default"):
            if read_acl(top, kind):
                os.removexattr(top, f"system.posix_acl_{kind}")
        if os.fstat(top).st_mode & 0o777 != 0o700:
            os.fchmod(top, 0o700)
    except OSError as error:
        raise ProjectFilesError(project_id, _explain(error, path)) from error
    finally:
        os.close(top)


def _set(top: int, rights: Rights) -> None:
    status = os.fstat(top)
    if status.st_uid != os.geteuid():
        os.fchown(top, os.geteuid(), os.getegid())
    if status.st_mode & 0o7000:
        os.fchmod(top, 0o700)
    for kind in ("access", "default"):
        if read_acl(top, kind) != rights.folder:
            write_acl(top, rights.folder, kind)


def _explain(error: OSError, path: Path) -> str:
    if error.errno == errno.EOPNOTSUPP:
        return (
            f"the file system of {path} has no POSIX access lists. Mount it with the option `acl`, "
            "or move the state folder to one that has them, such as ext4 or XFS"
        )
    if error.errno in (errno.ENOSPC, errno.E2BIG):
        return f"{path}: no space left, on the disk or for the access list, which has an entry for each member"
    return f"{path}: {error.strerror}"
