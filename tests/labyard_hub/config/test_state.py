from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labyard_hub.config.state import LAYOUT_VERSION, StateFolder, write_atomically
from labyard_hub.exceptions import StateFolderError, StateFolderNewerError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_modes_keep_others_out(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "deep" / "state")
    for path in (state.secrets, state.hub, state.mlflow, state.run_private, state.logs, state.trash):
        assert mode(path) == 0o700, path
    # Others pass through to their homes, and list nothing.
    assert mode(state.root) == mode(state.homes) == 0o711
    assert mode(state.version_file) == 0o600


def test_opening_closes_a_database_that_others_could_read(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    files = [state.root / f"labyard.db{end}" for end in ("", "-wal", "-shm")]
    for file in files:
        file.touch(0o644)
    StateFolder.open(state.root)
    assert {mode(file) for file in files} == {0o600}


def test_opening_again_keeps_the_instance(tmp_path: Path) -> None:
    first = StateFolder.open(tmp_path / "state").instance
    assert StateFolder.open(tmp_path / "state").instance == first
    assert len(first) == 8


def test_a_newer_layout_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir()
    (root / "state.json").write_text(json.dumps({"layout": LAYOUT_VERSION + 1, "instance": "x"}))
    with pytest.raises(StateFolderNewerError, match="Upgrade Labyard"):
        StateFolder.open(root)
    assert [path.name for path in root.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layout": "x"}'])
def test_a_damaged_version_file_is_not_overwritten(tmp_path: Path, text: str) -> None:
    root = tmp_path / "state"
    root.mkdir()
    (root / "state.json").write_text(text)
    with pytest.raises(StateFolderError, match="restore it from a backup"):
        StateFolder.open(root)
    assert (root / "state.json").read_text() == text


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateFolderError, match="another folder with --state-dir"):
        StateFolder.open(tmp_path / "state")


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(lambda _: state.secret("token"), range(32)))
    assert len(seen) == 1
    assert [path.name for path in state.secrets.iterdir()] == ["token"]
    assert len(seen.pop()) == 64
    assert mode(state.secrets / "token") == 0o600


def test_write_atomically_replaces_and_cleans_up(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomically(target, "one")
    write_atomically(target, "two", mode=0o600)
    assert target.read_text() == "two"
    assert mode(target) == 0o600
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "\ud800")
    assert target.read_text() == "two"
    assert list(tmp_path.iterdir()) == [target]
