"""Unix accounts. These tests make and remove real ones, so they need root, as CI has."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labyard_hub.backends.local import uids
from labyard_hub.backends.local.accounts import (
    Account,
    AccountError,
    ensure_account,
    ensure_project_account,
    find_account,
    find_project_account,
    isolates,
)
from labyard_hub.backends.local.removed_people import retire
from labyard_hub.backends.local.uids import UidLog, given_uids
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import InvalidNameError
from tests.platform import is_root, remove_account

needs_root = pytest.mark.skipif(not is_root(), reason="makes Unix accounts")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    state = StateFolder.open(tmp_path / "state")
    yield state
    for entry in pwd.getpwall():
        if entry.pw_dir.startswith(str(state.root)):
            remove_account(entry.pw_name)


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
def test_two_platforms_that_make_accounts_at_once(state: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They want the same names and the same numbers at the same moment, and neither takes what the other has just made."""
    monkeypatch.setattr(uids, "SPREAD", len(uids.OUTSIDE_RANGE))
    others = [StateFolder.open(tmp_path / f"state-{number}") for number in range(3)]
    wanted = [(name, one) for name in ("ada", "bob", "carol") for one in (state, *others)]
    with ThreadPoolExecutor(len(wanted)) as pool:
        made = list(pool.map(lambda one: ensure_account(*one, isolated=True), wanted))
    assert [find_account(*one) for one in wanted] == made
    assert len({account.uid for account in made}) == len({account.unix_name for account in made}) == len(wanted)
    assert all(account.gid == account.uid for account in made)


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


@needs_root
def test_a_uid_is_never_given_twice(state: StateFolder) -> None:
    seen = set()
    for _ in range(3):
        account = ensure_account("ada", state, isolated=True)
        seen.add(account.uid)
        assert account.gid == account.uid
        retire("ada", state)
    seen.add(ensure_account("bob", state, isolated=True).uid)
    assert len(seen) == 4
    assert seen <= given_uids(state)


@needs_root
def test_a_half_written_line_of_the_log_of_uids_is_no_uid(state: StateFolder) -> None:
    with UidLog.locked(state) as log:
        first = log.next("ly-ada")
    with state.uids_file.open("a") as file:
        file.write(str(first + 1))
    assert given_uids(state) == {first}
    with UidLog.locked(state) as log:
        second = log.next("ly-bob")
    assert given_uids(state) == {first, second}


@needs_root
def test_threads_and_processes_that_want_an_account_at_once_get_the_same(state: StateFolder) -> None:
    program = (
        "import sys; from pathlib import Path; from labyard_hub.config.state import StateFolder\n"
        "from labyard_hub.backends.local.accounts import ensure_account, ensure_project_account\n"
        "state = StateFolder(Path(sys.argv[1]))\n"
        "print(ensure_account('ada', state, isolated=True).uid, ensure_project_account('vision--p0123456789', state, isolated=True).uid)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(state.root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    found = [process.communicate(timeout=60) for process in processes]
    assert {output for output, _ in found} == {found[0][0]}, found
    assert len(set(found[0][0].split())) == 2
    with ThreadPoolExecutor(8) as pool:
        accounts = set(pool.map(lambda _: ensure_account("bob", state, isolated=True), range(8)))
    assert len(accounts) == 1


@needs_root
def test_a_project_has_an_account_and_a_private_home(state: StateFolder) -> None:
    tail = f"p{os.getpid():010d}"  # other tests may run at the same time
    account = ensure_project_account(f"vision--{tail}", state, isolated=True)
    assert account == find_project_account(f"vision--{tail}", state)
    assert account.home == state.projects / f"vision--{tail}" / "home"
    assert (account.home.stat().st_uid, stat.S_IMODE(account.home.stat().st_mode)) == (account.uid, 0o700)
    assert stat.S_IMODE(account.home.parent.stat().st_mode) == 0o711
    assert account.unix_name == f"ly-vision--{tail}"
    long = ensure_project_account(f"{'a' * 40}--{tail}", state, isolated=True)
    assert long.unix_name == f"ly-{'a' * 16}--{tail}"


@pytest.mark.parametrize("name", ["../x", "", "vision", "vision--p012345678", "a/b--p0123456789"])
def test_no_account_for_what_is_no_project(state: StateFolder, name: str) -> None:
    with pytest.raises(AccountError, match="no identifier"):
        ensure_project_account(name, state, isolated=True)


def test_without_isolation_a_project_is_the_services_own(state: StateFolder) -> None:
    account = ensure_project_account("vision--p0123456789", state, isolated=False)
    assert account.uid == state.root.stat().st_uid
    assert stat.S_IMODE(account.home.stat().st_mode) == 0o700


WITHOUT_ACCOUNT = """
import sys
from pathlib import Path
from labyard_hub.backends.local.accounts import ensure_project_account
from labyard_hub.config.state import StateFolder
print(ensure_project_account("vision--p0123456789", StateFolder(Path(sys.argv[1])), isolated=False))
"""


@needs_root
def test_a_number_that_has_no_account_is_who_owns_projects(open_folder: Path) -> None:
    """As in a container whose platform chooses who it runs as."""
    number = next(uid for uid in range(200_000, 300_000) if not _has_account(uid))
    (open_folder / "projects").mkdir()
    for folder in (open_folder, open_folder / "projects"):
        os.chown(folder, number, 0)
    who = Account("vision--p0123456789", Path(), number, 0, "")
    done = run_as(who, sys.executable, "-c", WITHOUT_ACCOUNT, str(open_folder))
    assert done.returncode == 0, done.stderr
    assert f"uid={number}, gid=0, unix_name='{number}'" in done.stdout
    assert (open_folder / "projects" / "vision--p0123456789" / "home").stat().st_uid == number


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
