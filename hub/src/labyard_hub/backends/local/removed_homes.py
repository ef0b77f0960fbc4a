"""Homes of removed people on this machine: in the trash, until an administrator takes them back or deletes them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import is_project_id

__all__ = ["RemovedHome", "removed_homes"]

_NAME = re.compile(r"(?P<name>[a-z0-9-]+)-(?P<at>\d{8}T\d{12})")


@dataclass(frozen=True)
class RemovedHome:
    """One of them.

    Attributes
    ----------
    name
        Name of the person.
    size
        In bytes, as far as it can be read.
    """

    name: str
    path: Path
    removed_at: datetime
    size: int


def removed_homes(state: StateFolder) -> list[RemovedHome]:
    """Return the homes of removed people, the oldest first. It walks through all of them."""
    found = []
    for path in state.trash.iterdir():
        match = _NAME.fullmatch(path.name)
        if match is not None and not is_project_id(match["name"]) and path.is_dir() and not path.is_symlink():
            removed_at = datetime.strptime(match["at"], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
            found.append(RemovedHome(match["name"], path, removed_at, _size(path)))
    return sorted(found, key=lambda home: home.removed_at)


def _size(folder: Path) -> int:
    done = subprocess.run(["du", "-skx", "--", str(folder)], capture_output=True, text=True, check=False)
    figure = done.stdout.partition("\t")[0]
    return int(figure) * 1024 if figure.isdecimal() else 0
