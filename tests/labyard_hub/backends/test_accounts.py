"""Unix accounts. These tests make and remove real ones, so they need root, as CI has."""

from __future__ import annotations

import contextlib
import pwd
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from labyard_hub.backends.local.accounts import Account, AccountError, ensure_account, find_account, isolates, retire
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import InvalidNameError
from tests.platform import is_root

needs_root = pytest.mark.skipif(not is_root(), reason="makes Unix accounts")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    state = StateFolder.open(tmp_path / "state")
    yield state
    for entry in pwd.getpwall():
        if entry.pw_dir.startswith(str(state.homes)):
            subprocess.run(["userdel", entry.pw_name], check=True)


def run_as(account: Account, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", *command],
        capture_output=True,
        text=True,
        check=False,
    )


@needs_root
def test_made_on_demand_and_found_again(state: StateFolder) -> None:
    account = ensure_account("ada", state, isolated=True)
    entry = pwd.getpwnam(account.unix_name)
    assert (entry.pw_uid, entry.pw_shell, entry.pw_dir) == (account.uid, "/usr/sbin/nologin", str(state.homes / "ada"))
    assert account.uid != 0
    assert stat.S_IMODE(account.home.stat().st_mode) == 0o700
    assert account.home.stat().st_uid == account.uid
    assert ensure_account("ada", state, isolated=True) == find_account("ada", state) == account


@needs_root
def test_no_password_can_sign_in(state: StateFolder) -> None:
    account = ensure_account("ada", state, isolated=True)
    shadow = next(line for line in Path("/etc/shadow").read_text().splitlines() if line.startswith(f"{account.unix_name}:"))
    assert shadow.split(":")[1] in ("!", "*", "!*")


@needs_root
def test_an_account_of_the_machine_is_never_taken(state: StateFolder) -> None:
    existing = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("daemon", "www-data"):
        assert name in existing
        account = ensure_account(name, state, isolated=True)
        assert account.uid != pwd.getpwnam(name).pw_uid


@needs_root
def test_two_state_folders_share_no_account(state: StateFolder, tmp_path: Path) -> None:
    other = StateFolder.open(tmp_path / "other")
    first = ensure_account("ada", state, isolated=True)
    second = ensure_account("ada", other, isolated=True)
    try:
        assert first.uid != second.uid
        assert other.instance in second.unix_name or first.unix_name != second.unix_name
    finally:
        retire("ada", other)


@needs_root
def test_long_names_that_begin_alike(state: StateFolder) -> None:
    first = ensure_account("a" * 39 + "b", state, isolated=True)
    second = ensure_account("a" * 39 + "c", state, isolated=True)
    assert first.uid != second.uid
    assert len(first.unix_name) <= 32


@needs_root
def test_one_user_reads_nothing_of_anothers(state: StateFolder) -> None:
    ada = ensure_account("ada", state, isolated=True)
    bob = ensure_account("bob", state, isolated=True)
    (ada.home / "secret").write_text("s3cret")
    (ada.home / "secret").chmod(0o644)
    # pytest's folders are closed to others; a state folder's parents are not.
    for parent in state.root.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o001)
    assert run_as(ada, "cat", str(ada.home / "secret")).stdout == "s3cret"
    for command in (
        ["cat", str(ada.home / "secret")],
        ["ls", str(ada.home)],
        ["ls", str(state.homes)],
        ["ls", str(state.secrets)],
        ["ls", str(state.root)],
    ):
        done = run_as(bob, *command)
        assert done.returncode != 0, command
        assert "s3cret" not in done.stdout
    assert run_as(bob, "ls", str(bob.home)).returncode == 0


@needs_root
def test_a_link_in_place_of_a_home_is_not_followed(state: StateFolder, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir(mode=0o755)
    (state.homes / "eve").symlink_to(tmp_path / "victim")
    with pytest.raises(AccountError, match="not a folder"):
        ensure_account("eve", state, isolated=True)
    assert (tmp_path / "victim").stat().st_uid == 0


@needs_root
def test_retired_files_are_not_inherited_by_the_next_of_that_name(state: StateFolder) -> None:
    first = ensure_account("ada", state, isolated=True)
    (first.home / "diary").write_text("mine")
    trashed = retire("ada", state)
    assert trashed is not None
    assert state.generation("ada") == 1
    assert (trashed / "diary").read_text() == "mine"
    assert find_account("ada", state) is None
    with contextlib.suppress(KeyError):
        pwd.getpwnam(first.unix_name)
        pytest.fail("the account is still there")
    second = ensure_account("ada", state, isolated=True)
    assert list(second.home.iterdir()) == []


def test_without_isolation_everything_is_ones_own(state: StateFolder) -> None:
    account = ensure_account("ada", state, isolated=False)
    assert account.uid == state.root.stat().st_uid
    assert stat.S_IMODE(account.home.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../x", "", "root", "Ada"])
def test_no_account_for_a_bad_name(state: StateFolder, name: str) -> None:
    for call in (lambda: ensure_account(name, state, isolated=True), lambda: find_account(name, state), lambda: retire(name, state)):
        with pytest.raises(InvalidNameError):
            call()


def test_isolation_needs_root_and_can_be_switched_off() -> None:
    assert isolates("auto") == is_root()
    assert not isolates("off")
