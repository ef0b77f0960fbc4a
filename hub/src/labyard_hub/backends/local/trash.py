"""The trash of one machine: folders of deleted projects and homes of removed people, for a time in which an administrator can take them back."""

from __future__ import annotations

import contextlib
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import is_project_id
from labyard_hub.exceptions import ProjectFilesError

__all__ = ["Trashed", "discard_folder", "empty_trash", "has_processes", "home_in_trash", "list_trash", "processes_of"]

_NAME = re.compile(r"(?P<id>[a-z0-9-]+)-(?P<at>\d{8}T\d{12})(\.(?P<generation>\d+))?")
_AT = "%Y%m%dT%H%M%S%f"
_DOOMED = "."
"""First character of what is being removed: it may be there in part only, and nobody takes it back."""

_log = structlog.get_logger("labyard.files")


@dataclass(frozen=True)
class Trashed:
    """What was a project or a home.

    Attributes
    ----------
    path
        The folder in the trash; a project's holds ``files``, ``home`` and ``tools``.
    id
        The identifier that the project had, or the person's name.
    discarded_at
        When it was deleted.
    generation
        How many people had the name before that person; None for a project.
    """

    path: Path
    id: str
    discarded_at: datetime
    generation: int | None


def home_in_trash(user: str, generation: int, state: StateFolder, now: datetime) -> Path:
    """Return where the home of a removed person goes."""
    return state.trash / f"{user}-{now.astimezone(UTC):{_AT}}.{generation}"


def discard_folder(project_id: str, state: StateFolder, now: datetime) -> Path | None:
    """Move a project's folder to the trash, where only root, or the account that runs Labyard, gets in; return where it is, None if there was none.

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


def list_trash(state: StateFolder) -> list[Trashed]:
    """Return what is in the trash, the oldest first. What has a name of another form, as an operator may have given it, is not ours to remove."""
    found = []
    for path in state.trash.iterdir():
        match = _NAME.fullmatch(path.name)
        if match is not None and is_project_id(match["id"]) == (match["generation"] is None) and path.is_dir() and not path.is_symlink():
            at = datetime.strptime(match["at"], _AT).replace(tzinfo=UTC)
            found.append(Trashed(path, match["id"], at, int(match["generation"]) if match["generation"] else None))
    return sorted(found, key=lambda one: one.discarded_at)


def empty_trash(state: StateFolder, lifetime_seconds: float | None, now: datetime) -> list[str]:
    """Remove what was discarded longer than `lifetime_seconds` ago, for good; return the identifiers and names. None: nothing is removed.

    What cannot be removed is logged and tried again the next time.
    """
    if lifetime_seconds is None:
        return []
    removed = []
    for one in list_trash(state):
        if now - one.discarded_at >= timedelta(seconds=lifetime_seconds):
            with contextlib.suppress(FileNotFoundError):  # an administrator has just taken it back
                one.path.rename(one.path.with_name(_DOOMED + one.path.name))
                removed.append(one.id)
    for path in state.trash.glob(f"{_DOOMED}*"):
        if _NAME.fullmatch(path.name[1:]) is None:
            continue
        # ``rm`` goes by descriptors and has no limit of depth, which `shutil.rmtree` has.
        done = subprocess.run(
            ["rm", "--recursive", "--force", "--one-file-system", "--", str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            _log.error("the trash could not be emptied", path=str(path), problem=done.stderr.strip()[:300])
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
