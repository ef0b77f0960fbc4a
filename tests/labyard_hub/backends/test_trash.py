"""The trash of deleted projects and removed people."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from labyard_hub.backends.local.trash import discard_folder, empty_trash, has_processes, home_in_trash, list_trash
from labyard_hub.config.state import StateFolder
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
    # The first two are of a version that did not note which person of the name it was.
    kept = [
        "ada-20200101T000000000000",
        "bob-20200101T000000000000",
        "vision--p0123456789-20200101T000000000000.0",
        "vision--p0123456789",
        "keep-vision--p0123456789-20200101T000000000000.bak",
    ]
    for name in kept:
        (state.trash / name).mkdir()
    (state.trash / "link--p0123456789-20200101T000000000000").symlink_to(tmp_path / "victim")
    assert empty_trash(state, 0, NOW) == []
    assert set(kept) <= set(names(state.trash))
    assert (tmp_path / "victim").is_dir()


def test_a_removal_that_fails_keeps_nothing_else_and_is_finished_later(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    discard_folder(VISION, state, NOW)
    home_in_trash("ada", 0, state, NOW).mkdir()
    real = subprocess.run

    def run(argv: list[str], **names: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 1, "", "Read-only file system") if VISION in argv[-1] else real(argv, **names)

    monkeypatch.setattr(subprocess, "run", run)
    assert sorted(empty_trash(state, 0, NOW)) == ["ada", VISION]
    assert "Read-only file system" in capsys.readouterr().out
    # Nobody takes back what is there in part.
    assert list_trash(state) == []
    assert [name[: len(VISION) + 1] for name in names(state.trash)] == [f".{VISION}"]
    monkeypatch.undo()
    empty_trash(state, 9999, NOW)
    assert names(state.trash) == []


def test_homes_and_projects_have_one_time(state: StateFolder) -> None:
    discard_folder(VISION, state, NOW)
    home = home_in_trash("ada", 3, state, NOW)
    home.mkdir()
    assert {(one.id, one.generation) for one in list_trash(state)} == {(VISION, None), ("ada", 3)}
    assert empty_trash(state, None, NOW + timedelta(days=9999)) == []
    assert empty_trash(state, 60, NOW + timedelta(seconds=59)) == []
    assert sorted(empty_trash(state, 60, NOW + timedelta(seconds=60))) == ["ada", VISION]
    assert names(state.trash) == []


def test_whether_somebody_has_processes() -> None:
    assert has_processes(os.getuid())
    assert not has_processes(4_000_000)
