"""Removed people of one machine: their files are nobody else's, and theirs again once they are restored."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labyard_hub.backends.local import removed_people as module
from labyard_hub.backends.local.accounts import ensure_account, find_account
from labyard_hub.backends.local.removed_people import folder_size, removed_people, restore, retire
from labyard_hub.backends.local.trash import empty_trash
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import NameInUseError
from tests.platform import is_root, remove_account

needs_root = pytest.mark.skipif(not is_root(), reason="makes Unix accounts")
LATER = datetime.now(UTC) + timedelta(days=9999)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    state = StateFolder.open(tmp_path / "state")
    yield state
    for entry in pwd.getpwall():
        if entry.pw_dir.startswith(str(state.root)):
            remove_account(entry.pw_name)


def worked(state: StateFolder, text: str, *, isolated: bool = False) -> None:
    """Make ada's home, with a file of hers, and what is not hers to own."""
    account = ensure_account("ada", state, isolated=isolated)
    (account.home / "diary").write_text(text)
    (account.home / "notes").mkdir()
    (account.home / "notes" / "link").symlink_to("/etc/passwd")
    for path in (account.home / "diary", account.home / "notes", account.home / "notes" / "link"):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def listed(state: StateFolder, keep_seconds: float | None = None) -> list[tuple[str, int, bool]]:
    return [(one.name, one.generation, one.home is not None) for one in removed_people(state, keep_seconds)]


@needs_root
def test_files_of_a_removed_person_are_not_the_next_one_s(state: StateFolder) -> None:
    worked(state, "mine", isolated=True)
    first = find_account("ada", state)
    trashed = retire("ada", state)
    assert first is not None
    assert trashed is not None
    assert state.generation("ada") == 1
    assert (trashed / "diary").read_text() == "mine"
    assert find_account("ada", state) is None
    assert first.unix_name not in {entry.pw_name for entry in pwd.getpwall()}
    second = ensure_account("ada", state, isolated=True)
    assert list(second.home.iterdir()) == []


@needs_root
def test_a_restored_person_owns_what_they_made_and_nothing_else(state: StateFolder) -> None:
    worked(state, "mine", isolated=True)
    (state.homes / "ada" / "of-root").write_text("an administrator's")
    secret = state.root / "of-nobody-here"
    secret.write_text("")
    (state.homes / "ada" / "notes" / "link-to-root").symlink_to(secret)
    retire("ada", state)
    restore("ada", 0, state, isolated=True)
    account = find_account("ada", state)
    assert account is not None
    owners = {path.name: path.lstat().st_uid for path in (account.home, *account.home.rglob("*"))}
    assert owners == {"ada": account.uid, "diary": account.uid, "notes": account.uid, "link": account.uid, "link-to-root": 0, "of-root": 0}
    assert (account.home.stat().st_mode & 0o777, (account.home / "diary").read_text()) == (0o700, "mine")
    assert (secret.stat().st_uid, Path("/etc/passwd").stat().st_uid) == (0, 0)
    assert (state.generation("ada"), listed(state)) == (0, [])


def test_each_person_of_a_name_can_be_restored(state: StateFolder) -> None:
    for text in ("first", "second"):
        worked(state, text)
        retire("ada", state)
    assert listed(state) == [("ada", 0, True), ("ada", 1, True)]
    restore("ada", 0, state, isolated=False)
    assert ((state.homes / "ada" / "diary").read_text(), state.generation("ada")) == ("first", 0)
    with pytest.raises(NameInUseError):
        restore("ada", 1, state, isolated=False)
    assert listed(state) == [("ada", 1, True)]
    retire("ada", state)
    assert (listed(state), state.generation("ada")) == ([("ada", 0, True), ("ada", 1, True)], 2)
    restore("ada", 1, state, isolated=False)
    assert ((state.homes / "ada" / "diary").read_text(), state.generation("ada")) == ("second", 1)


@pytest.mark.parametrize(
    ("step", "isolated"),
    [*(pytest.param(step, True, marks=needs_root) for step in ("chown", "generation", "rename")), ("generation", False), ("rename", False)],
)
def test_a_restoration_that_was_killed_is_finished_by_the_next(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch, step: str, isolated: bool
) -> None:
    class KilledError(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    worked(state, "mine", isolated=isolated)
    retire("ada", state)
    with monkeypatch.context() as patch:
        patch.setattr(
            *{"chown": (module, "_run"), "generation": (StateFolder, "restore_generation"), "rename": (Path, "rename")}[step], killed
        )
        with pytest.raises(KilledError):
            restore("ada", 0, state, isolated=isolated)
    # Whoever has the name now finds nothing of the removed person, and the home is still listed.
    assert list((state.homes / "ada").iterdir()) == []
    assert listed(state) == [("ada", 0, True)]
    restore("ada", 0, state, isolated=isolated)
    assert ((state.homes / "ada" / "diary").read_text(), state.generation("ada"), listed(state)) == ("mine", 0, [])


def test_a_home_is_emptied_after_its_time_and_the_person_can_still_be_restored(state: StateFolder) -> None:
    worked(state, "mine")
    retire("ada", state)
    [one] = removed_people(state, 60)
    assert one.removed_at is not None
    assert one.ends_at == one.removed_at + timedelta(seconds=60)
    assert one.home is not None
    assert (folder_size(one.home) or "").endswith("KiB")
    assert removed_people(state, None)[0].ends_at is None
    assert empty_trash(state, 60, LATER) == ["ada"]
    assert listed(state) == [("ada", 0, False)]
    restore("ada", 0, state, isolated=False)
    assert (state.generation("ada"), listed(state), (state.homes / "ada").exists()) == (0, [], False)


def test_a_link_in_place_of_a_home_is_not_followed(state: StateFolder, tmp_path: Path) -> None:
    worked(state, "mine")
    retire("ada", state)
    (state.homes / "ada").symlink_to(tmp_path)
    with pytest.raises(NameInUseError):
        restore("ada", 0, state, isolated=False)
    assert subprocess.run(["find", str(state.trash), "-name", "diary"], capture_output=True, check=True).stdout
