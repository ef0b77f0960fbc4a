"""Folders of deleted projects: in the trash for a time, from where an operator can take them back, and then removed for good."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import ProjectFilesError

__all__ = ["TrashedProject", "discard_folder", "empty_trash", "has_processes", "list_trash", "processes_of"]

_NAME = re.compile(r"(?P<id>[a-z][a-z0-9-]*--p[0-9a-f]{10})-(?P<at>\d{8}T\d{12})")
_AT = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class TrashedProject:
    """What was a project.

    Attributes
    ----------
    path
        The folder in the trash, with ``files``, ``home`` and ``tools``.
    id
        The identifier that the project had.
    discarded_at
        When it was deleted.
    """

    path: Path
    id: str
    discarded_at: datetime


def discard_folder(project_id: str, state: StateFolder, now: datetime) -> Path | None:
    """Move a project's folder to the trash, where only root, or whoever runs Labyard, gets in; return where it is, None if there was none.

    Raises
    ------
    ProjectFilesError
        If it cannot be moved.
    """
    target = state.trash / f"{project_id}-{now.astimezone(UTC):{_AT}}"
    try:
        (state.projects / project_id).rename(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProjectFilesError(project_id, f"it could not be moved to the trash {state.trash}: {error.strerror}") from error
    return target


def list_trash(state: StateFolder) -> list[TrashedProject]:
    """Return the projects in the trash. What has a name of another form, as an operator may have given it, is not ours to remove."""
    found = []
    for path in state.trash.iterdir():
        match = _NAME.fullmatch(path.name)
        if match is not None and path.is_dir() and not path.is_symlink():
            found.append(TrashedProject(path, match["id"], datetime.strptime(match["at"], _AT).replace(tzinfo=UTC)))
    return found


def empty_trash(state: StateFolder, lifetime_seconds: float, now: datetime) -> list[str]:
    """Remove what was discarded longer than `lifetime_seconds` ago, for good; return the identifiers of those projects.

    Raises
    ------
    ProjectFilesError
        If something cannot be removed.
    """
    removed = []
    for project in list_trash(state):
        if now - project.discarded_at < timedelta(seconds=lifetime_seconds):
            continue
        # ``rm`` goes by descriptors and has no limit of depth, which `shutil.rmtree` has.
        done = subprocess.run(
            ["rm", "--recursive", "--force", "--one-file-system", "--", str(project.path)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ProjectFilesError(project.id, f"{project.path} could not be removed from the trash: {done.stderr.strip()[:300]}")
        removed.append(project.id)
    return removed


def has_processes(uid: int) -> bool:
    """Whether a process runs as `uid`."""
    return bool(processes_of(uid))


def processes_of(uid: int) -> list[int]:
    """Return the processes that run as `uid`, without those that ended and were not waited for."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "status").read_text()
            except OSError:
                continue  # it has ended
            fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            if str(uid) in fields.get("Uid", "").split() and not fields.get("State", "").strip().startswith(("Z", "X")):
                found.append(int(entry.name))
    return found
