"""Damaged files of a state folder: each is refused or mended by name, and nothing is changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import StateFolderError
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.supervisor.damage import check_files, database_damage


def make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE some (text)")
        connection.executemany("INSERT INTO some VALUES (?)", [("x" * 500,)] * 200)
        connection.commit()


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A state folder that was in use."""
    state = StateFolder.open(tmp_path / "state")
    state.secret("service_token")
    IdentityStore(state.identity_database).add_user("ada", "correct horse battery", admin=True)
    for path in (state.database, state.hub / "jupyterhub.sqlite", state.mlflow / "mlflow.db"):
        make_database(path)
    (state.homes / "ada").mkdir()
    return state


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1000)


def scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)


def test_a_sound_state_folder_is_let_through(state: StateFolder) -> None:
    check_files(state)
    check_files(StateFolder.open(state.root))


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("secrets/service_token", lambda path: path.write_text(""), "secrets/service_token is empty"),
        ("secrets/service_token", lambda path: path.write_text("half"), "secrets/service_token is damaged"),
        ("labyard.db", cut, "labyard.db is cut off (1000 of"),
        ("labyard.db", scramble, "labyard.db is damaged"),
        ("identity.db", cut, "identity.db is cut off"),
        ("mlflow/mlflow.db", lambda path: path.write_text("some text"), "mlflow/mlflow.db is not a database. It holds runs and models"),
        ("hub/jupyterhub.sqlite", lambda path: path.write_bytes(b""), "hub/jupyterhub.sqlite is empty. It holds tokens"),
    ],
)
def test_a_damaged_file_is_told_by_name_with_a_remedy(state: StateFolder, name: str, spoil: Callable[[Path], None], words: str) -> None:
    path = state.root / name
    spoil(path)
    left = path.read_bytes()
    with pytest.raises(StateFolderError) as refused:
        check_files(state)
    assert words in refused.value.message
    assert "Restore it from a backup" in refused.value.message
    assert path.read_bytes() == left
    path.unlink()  # the remedy
    check_files(state)


def test_a_first_start_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    (state.hub / "jupyterhub.sqlite").touch()
    check_files(state)
    assert database_damage(state.database) == ""


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_lost_version_file_is_restored_from_its_copy(state: StateFolder, how: str) -> None:
    before = state.version_file.read_text()
    if how == "missing":
        state.version_file.unlink()
    else:
        state.version_file.write_text("")
    StateFolder.open(state.root)
    assert state.version_file.read_text() == before
    assert json.loads(before)["instance"] == state.instance


def test_without_a_copy_a_used_folder_gets_no_new_identity(state: StateFolder) -> None:
    state.version_file.unlink()
    (state.hub / "state.json").unlink()
    with pytest.raises(StateFolderError, match=r"state\.json is missing, and so is its copy"):
        StateFolder.open(state.root)
    assert not state.version_file.exists()
