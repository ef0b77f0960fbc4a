"""A state folder in a container: some of it on a volume, the secrets mounted, the configuration read again at each start."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labyard_hub.config.loader import Configuration, dump_configuration, load_configuration
from labyard_hub.config.state import LAYOUT_VERSION, StateFolder, write_atomically
from labyard_hub.exceptions import StateFolderError

__all__ = ["prepare_state"]


def prepare_state(environment: Mapping[str, str]) -> tuple[StateFolder, Configuration]:
    """Make the folder of ``LABYARD_STATE_DIR`` what the platform's processes expect, and return it with the settings.

    The folder is one of our own on the volume: a volume's top belongs to root, and only its owner may change a folder's mode.

    Raises
    ------
    ConfigurationError
        With the line of what is wrong in ``LABYARD_CONFIG``.
    StateFolderError
        If the volume cannot be written.
    """
    options: dict[str, Any] = {"database": {"url": environment["LABYARD_DATABASE_URL"]}} if environment.get("LABYARD_DATABASE_URL") else {}
    configuration = load_configuration(Path(environment["LABYARD_CONFIG"]), options)
    state = StateFolder(Path(environment["LABYARD_STATE_DIR"]))
    try:
        _make(state, Path(environment["LABYARD_SECRETS_DIR"]), environment.get("LABYARD_PROJECTS_VOLUME"))
        write_atomically(state.configuration_file, dump_configuration(configuration), mode=0o600)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        what = (
            "The volume is full: enlarge its claim" if full else "The volume must be writable for the group of `podSecurityContext.fsGroup`"
        )
        raise StateFolderError(state.root, f"{error.strerror or error} ({error.filename}). {what}") from error
    return state, configuration


def _make(state: StateFolder, secrets: Path, projects: str | None) -> None:
    for folder in (
        state.root,
        state.hub,
        state.mlflow,
        state.homes,
        state.project_views,
        state.run,
        state.run_public,
        state.run_private,
        state.logs,
        state.former_users,
    ):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # fmt: skip
    if not state.version_file.exists():
        record = {"layout": LAYOUT_VERSION, "instance": os.urandom(4).hex(), "created_at": datetime.now(UTC).isoformat()}
        write_atomically(state.version_file, json.dumps(record) + "\n", mode=0o600)
    _place(state.secrets, secrets)
    # The trash is on the same volume, so that a folder is moved there at once, however large it is.
    trash = Path(projects) / ".trash" if projects is not None else None
    if trash is not None:
        trash.mkdir(mode=0o700, exist_ok=True)
    _place(state.projects, Path(projects) if projects is not None else None)
    _place(state.trash, trash)


def _place(folder: Path, target: Path | None) -> None:
    """Make `folder` a link to `target` on another volume, or without one a folder. What it was before may be the other: `projects.enabled` was switched."""
    if folder.is_symlink():
        folder.unlink()
    if target is None:
        folder.mkdir(mode=0o700, exist_ok=True)
        return
    if folder.is_dir():
        # The service makes projects' folders again where they are missing. Pods never mounted these.
        if any(one.is_file() for one in folder.rglob("*")):
            folder.rename(folder.with_name(f"{folder.name}-set-aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))
        else:
            shutil.rmtree(folder)
    folder.symlink_to(target)
