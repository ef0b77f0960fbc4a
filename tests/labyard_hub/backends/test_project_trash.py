"""The trash of deleted projects."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labyard_hub.backends.local.project_trash import discard_folder, empty_trash, has_processes, list_trash
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import ProjectFilesError
from tests.labyard_hub.backends.people import VISION, names

NOW = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder.open(tmp_path / "state")
    (state.projects / VISION / "files").mkdir(parents=True)
    (state.projects / VISION / "files" / "data").write_text("precious")
    return state


def test_moved_and_listed(state: StateFolder) -> None:
    path = discard_folder(VISION, state, NOW)
    assert path is not None
    assert (path / "files" / "data").read_text() == "precious"
    assert names(state.projects) == []
    (found,) = list_trash(state)
    assert (found.path, found.id, found.discarded_at) == (path, VISION, NOW)
    assert discard_folder(VISION, state, NOW) is None


def test_emptied_after_its_time_and_not_before(state: StateFolder) -> None:
    discard_folder(VISION, state, NOW)
    assert empty_trash(state, 60, NOW + timedelta(seconds=59)) == []
    assert len(names(state.trash)) == 1
    assert empty_trash(state, 60, NOW + timedelta(seconds=60)) == [VISION]
    assert names(state.trash) == []


def test_nothing_else_in_the_trash_is_removed(state: StateFolder, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    kept = ["ada-20200101T000000000000", "vision--p0123456789", "keep-vision--p0123456789-20200101T000000000000.bak"]
    for name in kept:
        (state.trash / name).mkdir()
    (state.trash / "link--p0123456789-20200101T000000000000").symlink_to(tmp_path / "victim")
    assert empty_trash(state, 0, NOW) == []
    assert set(kept) <= set(names(state.trash))
    assert (tmp_path / "victim").is_dir()


def test_a_removal_that_fails_says_so(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    discard_folder(VISION, state, NOW)
    monkeypatch.setattr(subprocess, "run", lambda argv, **_: subprocess.CompletedProcess(argv, 1, "", "Read-only file system"))
    with pytest.raises(ProjectFilesError, match="could not be removed from the trash: Read-only"):
        empty_trash(state, 0, NOW)


def test_whether_somebody_has_processes() -> None:
    assert has_processes(os.getuid())
    assert not has_processes(4_000_000)
