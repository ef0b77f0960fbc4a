"""The identity store: users, links, the set-up token; by threads at the same time, and against an injected clock."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from labyard.exceptions import LabyardError
from labyard_hub.exceptions import InvalidNameError
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.storage.identity_errors import (
    IdentityStoreError,
    IdentityStoreNewerError,
    LastAdministratorError,
    LinkExpiredError,
    LinkRevokedError,
    LinkUnknownError,
    LinkUsedError,
    PasswordRefusedError,
    SetupDoneError,
    UnknownInvitationError,
    UserExistsError,
    UserUnknownError,
)
from labyard_hub.storage.passwords import Passwords
from tests.platform import skip_without

PASSWORD = "correct horse battery"
OTHER = "staple of another kind"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> IdentityStore:
    return IdentityStore(tmp_path / "identity.db", clock=clock, passwords=QUICK)


def at_once(number: int, function: Callable[[int], Any]) -> list[Any]:
    """Call `function` with 0 to `number` - 1 in as many threads and return what came of each: a value or a LabyardError."""

    def one(index: int) -> Any:
        try:
            return function(index)
        except LabyardError as error:
            return error

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(one, range(number)))


def test_a_user_is_verified_by_their_password_alone(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD, admin=True)
    store.add_user("bob", OTHER)
    user = store.verify("ada", PASSWORD)
    assert user is not None
    assert (user.name, user.admin) == ("ada", True)
    assert store.verify("ada", OTHER) is None
    assert store.verify("bob", PASSWORD) is None
    assert store.verify("nobody", PASSWORD) is None
    assert store.verify("", "") is None
    assert [(one.name, one.admin) for one in store.list_users()] == [("ada", True), ("bob", False)]


def test_the_file_holds_no_password_and_is_for_its_owner_alone(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD)
    token = store.create_invitation("bob", False, 60)
    path = store.database.path
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert PASSWORD.encode() not in file.read_bytes()
        assert token.encode() not in file.read_bytes()
    with sqlite3.connect(path) as connection:
        stored = connection.execute("SELECT password_hash FROM users").fetchone()[0]
    connection.close()
    assert stored.startswith("$argon2id$")


def test_default_cost_follows_the_recommendation() -> None:
    """RFC 9106, section 4, second recommended option: three passes, four lanes, 64 MiB."""
    assert "$m=65536,t=3,p=4$" in Passwords().hash(PASSWORD)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 300,
        "../x",
        "a/b",
        "a b",
        "Ada",
        "\u0430da",
        "ad\u0430",
        "bo\u212a",
        "ada\n",
        "root",
        "admin",
        "default",
        "-ada",
        "ada-",
        "a--b",
        "1ada",
        "ada\0",
    ],
)
def test_names_that_nobody_may_have_change_nothing(store: IdentityStore, name: str) -> None:
    token = store.ensure_setup_token(60)
    for attempt in (
        lambda: store.add_user(name, PASSWORD),
        lambda: store.create_invitation(name, False, 60),
        lambda: store.redeem_setup(token, name, PASSWORD),
    ):
        with pytest.raises(InvalidNameError):
            attempt()
    assert store.list_users() == []
    assert store.list_invitations(all=True) == []
    store.check_setup(token)


def test_a_name_is_taken_once(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD)
    with pytest.raises(UserExistsError):
        store.add_user("ada", OTHER)
    with pytest.raises(UserExistsError):
        store.create_invitation("ada", True, 60)
    assert store.verify("ada", PASSWORD) is not None


def test_the_database_itself_refuses_a_name_that_differs_in_case_alone(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD)
    with pytest.raises(IdentityStoreError, match="UNIQUE"), store.database.write() as connection:
        connection.execute("INSERT INTO users (name, admin, created_at) VALUES ('ADA', 1, '')")
    assert len(store.list_users()) == 1


@pytest.mark.parametrize(
    "password",
    ["", "short", "x" * 9, "x" * 30, "x" * 1025, "é" * 600, "tab\tin the password", "ends with a line\n", "nul\0in the password"],
)
def test_passwords_that_nobody_may_have(store: IdentityStore, password: str) -> None:
    with pytest.raises(PasswordRefusedError) as refused:
        store.add_user("ada", password)
    assert len(password) < 6 or password not in refused.value.message
    assert store.list_users() == []


def test_the_name_is_no_password(store: IdentityStore) -> None:
    with pytest.raises(PasswordRefusedError, match="user name"):
        store.add_user("ada-lovelace", "Ada-Lovelace")


def test_an_accent_may_be_typed_in_either_way(store: IdentityStore) -> None:
    store.add_user("ada", "caf\u00e9 au lait")
    assert store.verify("ada", "cafe\u0301 au lait") is not None


def test_a_password_beyond_the_limit_is_wrong_without_being_hashed(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD)
    assert store.verify("ada", "x" * 10_000_000) is None
    assert store.verify("ada", "\ud800") is None


def test_an_unknown_name_takes_the_work_of_a_known_one(store: IdentityStore) -> None:
    calls = []

    class Counting(PasswordHasher):
        def verify(self, *args: Any) -> Any:  # type: ignore[override]
            calls.append(args)
            return super().verify(*args)

    store.passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    store.add_user("ada", PASSWORD)
    store.add_user("bob", None)
    for name in ("ada", "bob", "nobody"):
        assert store.verify(name, OTHER) is None
    assert len(calls) == 3


def test_a_hash_with_old_parameters_is_replaced_at_the_next_sign_in(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD)
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    store.passwords = stronger
    assert store.verify("ada", OTHER) is None
    with store.database.read() as connection:
        assert "m=8,t=1" in connection.execute("SELECT password_hash FROM users").fetchone()[0]
    assert store.verify("ada", PASSWORD) is not None
    with store.database.read() as connection:
        assert "m=16,t=2" in connection.execute("SELECT password_hash FROM users").fetchone()[0]
    assert store.verify("ada", PASSWORD) is not None


def test_a_new_password_replaces_the_old_one_and_ends_links(store: IdentityStore, clock: Clock) -> None:
    store.add_user("ada", PASSWORD)
    token = store.create_reset("ada", 60)
    clock.move(seconds=1)
    store.set_password("ada", OTHER)
    assert store.verify("ada", PASSWORD) is None
    user = store.verify("ada", OTHER)
    assert user is not None
    assert user.password_changed_at == clock()
    with pytest.raises(LinkRevokedError):
        store.check_invitation(token)
    with pytest.raises(UserUnknownError):
        store.set_password("bob", OTHER)


def test_a_sign_in_is_noted(store: IdentityStore, clock: Clock) -> None:
    store.add_user("ada", PASSWORD)
    assert store.list_users()[0].last_sign_in_at is None
    clock.move(hours=1)
    store.record_sign_in("ada")
    assert store.list_users()[0].last_sign_in_at == clock()


def test_an_invitation_makes_its_user_once(store: IdentityStore) -> None:
    token = store.create_invitation("bob", True, 60, created_by="ada")
    assert [(one.name, one.created_by) for one in store.list_invitations()] == [("bob", "ada")]
    user = store.redeem_invitation(token, PASSWORD)
    assert (user.name, user.admin) == ("bob", True)
    assert store.list_invitations() == []
    with pytest.raises(LinkUsedError):
        store.redeem_invitation(token, OTHER)
    with pytest.raises(LinkUsedError):
        store.check_invitation(token)
    assert store.verify("bob", PASSWORD) is not None


def test_a_refused_password_leaves_the_invitation_unused(store: IdentityStore) -> None:
    token = store.create_invitation("bob", False, 60)
    with pytest.raises(PasswordRefusedError):
        store.redeem_invitation(token, "short")
    assert store.redeem_invitation(token, PASSWORD).name == "bob"


def test_an_invitation_expires(store: IdentityStore, clock: Clock) -> None:
    token = store.create_invitation("bob", False, 60)
    clock.move(seconds=59.9)
    store.check_invitation(token)
    clock.move(seconds=0.1)
    with pytest.raises(LinkExpiredError):
        store.redeem_invitation(token, PASSWORD)
    assert store.list_users() == []
    assert store.list_invitations() == []
    assert len(store.list_invitations(all=True)) == 1


@pytest.mark.parametrize("token", ["", "nothing", "x" * 10_000, "ä", "' OR 1=1 --"])
def test_an_unknown_token(store: IdentityStore, token: str) -> None:
    store.create_invitation("bob", False, 60)
    with pytest.raises(LinkUnknownError):
        store.redeem_invitation(token, PASSWORD)
    with pytest.raises(LinkUnknownError):
        store.redeem_setup(token, "ada", PASSWORD)


def test_a_newer_invitation_ends_the_older_one(store: IdentityStore) -> None:
    old = store.create_invitation("bob", True, 60)
    new = store.create_invitation("bob", False, 60)
    with pytest.raises(LinkRevokedError):
        store.redeem_invitation(old, PASSWORD)
    assert store.redeem_invitation(new, PASSWORD).admin is False


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_revoked_invitation_does_not_work(store: IdentityStore, by: str) -> None:
    token = store.create_invitation("bob", False, 60)
    (invitation,) = store.list_invitations()
    store.revoke_invitation(getattr(invitation, by))
    with pytest.raises(LinkRevokedError):
        store.redeem_invitation(token, PASSWORD)
    with pytest.raises(UnknownInvitationError):
        store.revoke_invitation(getattr(invitation, by))


def test_adding_the_user_otherwise_ends_the_invitation(store: IdentityStore) -> None:
    token = store.create_invitation("bob", True, 60)
    store.add_user("bob", PASSWORD)
    with pytest.raises(LinkRevokedError):
        store.redeem_invitation(token, OTHER)
    assert store.verify("bob", PASSWORD) is not None


def test_a_reset_changes_the_password_and_nothing_else(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD, admin=True)
    token = store.create_reset("ada", 60)
    assert store.verify("ada", PASSWORD) is not None
    user = store.redeem_invitation(token, OTHER)
    assert user.admin
    assert store.verify("ada", PASSWORD) is None
    assert store.verify("ada", OTHER) is not None
    with pytest.raises(UserUnknownError):
        store.create_reset("bob", 60)


def test_a_removed_user_cannot_come_back_by_a_link(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD, admin=True)
    store.add_user("bob", PASSWORD)
    token = store.create_reset("bob", 60)
    store.remove_user("bob")
    with pytest.raises(LinkRevokedError):
        store.redeem_invitation(token, OTHER)
    assert store.verify("bob", PASSWORD) is None
    with pytest.raises(UserUnknownError):
        store.remove_user("bob")


def test_one_invitation_at_the_same_instant_makes_one_user(store: IdentityStore) -> None:
    token = store.create_invitation("bob", False, 60)
    passwords = [f"the password number {index}" for index in range(8)]
    results = at_once(8, lambda index: store.redeem_invitation(token, passwords[index]))
    winners = [index for index, result in enumerate(results) if not isinstance(result, Exception)]
    assert len(winners) == 1
    assert all(isinstance(result, LinkUsedError) for index, result in enumerate(results) if index not in winners)
    assert [index for index in range(8) if store.verify("bob", passwords[index])] == winners


def test_one_set_up_at_the_same_instant_makes_one_administrator(store: IdentityStore) -> None:
    token = store.ensure_setup_token(60)
    results = at_once(8, lambda index: store.redeem_setup(token, f"admin-{index}", PASSWORD))
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert len(store.list_users()) == 1


def test_two_administrators_cannot_demote_each_other_at_once(store: IdentityStore) -> None:
    for _ in range(10):
        for name in ("ada", "bob"):
            if store.get_user(name) is None:
                store.add_user(name, PASSWORD)
            store.set_admin(name, True)
        results = at_once(2, lambda index: store.set_admin(("ada", "bob")[index], False))
        assert sum(isinstance(result, LastAdministratorError) for result in results) == 1
        assert sum(user.admin for user in store.list_users()) == 1


def test_first_use_by_many_at_once(tmp_path: Path) -> None:
    stores = [IdentityStore(tmp_path / "identity.db", passwords=QUICK) for _ in range(8)]
    results = at_once(8, lambda index: stores[index].add_user(f"user-{index}", PASSWORD))
    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(stores[0].list_users()) == 8


def test_the_last_administrator_stays(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD, admin=True)
    store.add_user("bob", PASSWORD)
    with pytest.raises(LastAdministratorError):
        store.remove_user("ada")
    with pytest.raises(LastAdministratorError):
        store.set_admin("ada", False)
    store.set_admin("bob", True)
    store.remove_user("ada")
    assert [user.name for user in store.list_users()] == ["bob"]


def test_the_set_up_link_stays_the_same_until_it_is_used_or_expired(store: IdentityStore, clock: Clock) -> None:
    assert store.needs_setup()
    first = store.ensure_setup_token(60)
    clock.move(seconds=59)
    assert store.ensure_setup_token(60) == first
    clock.move(seconds=2)
    with pytest.raises(LinkExpiredError):
        store.redeem_setup(first, "ada", PASSWORD)
    second = store.ensure_setup_token(60)
    assert second != first
    assert store.redeem_setup(second, "ada", PASSWORD).admin
    assert not store.needs_setup()
    with pytest.raises(LinkUsedError):
        store.redeem_setup(second, "bob", PASSWORD)
    with pytest.raises(SetupDoneError):
        store.redeem_setup(first, "bob", PASSWORD)
    with pytest.raises(SetupDoneError):
        store.ensure_setup_token(60)


def test_an_administrator_by_another_way_ends_the_set_up(store: IdentityStore) -> None:
    token = store.ensure_setup_token(60)
    store.add_user("ada", PASSWORD, admin=True)
    with pytest.raises(SetupDoneError):
        store.redeem_setup(token, "eve", PASSWORD)


def test_a_database_of_a_newer_version_is_left_alone(store: IdentityStore) -> None:
    store.add_user("ada", PASSWORD)
    path = store.database.path
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(IdentityStoreNewerError, match="version 7"):
        IdentityStore(path).list_users()
    assert path.read_bytes() == before


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "identity.db"
    path.write_text("these are not the users you are looking for" * 100)
    with pytest.raises(IdentityStoreError, match="not a database"):
        IdentityStore(path).list_users()


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(IdentityStoreError, match="No such file"):
        IdentityStore(tmp_path / "none" / "identity.db").list_users()


SCRIPT = """
import sys
from pathlib import Path
from labyard.exceptions import LabyardError
from labyard_hub.storage.identity import IdentityStore
store = IdentityStore(Path(sys.argv[1]))
try:
    store.create_invitation("carol", False, 60)
except LabyardError as error:
    sys.exit(f"{error.code}: {error.message}")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize(("fault", "words"), [("full", "the disk is full"), ("readonly", "read-only")])
def test_a_full_disk_and_a_read_only_folder_are_told_in_words(tmp_path: Path, store: IdentityStore, fault: str, words: str) -> None:
    """On a real file system of its own, in a mount namespace that ends with the test."""
    small = tmp_path / "small"
    small.mkdir()
    store.add_user("ada", PASSWORD)
    with store.database.read() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil = "dd if=/dev/zero of=$1/filler bs=4k 2>/dev/null || true" if fault == "full" else "mount -o remount,ro $1"
    done = subprocess.run(
        [
            "unshare", "--mount", "sh", "-c",
            f'mount -t tmpfs -o size=256k none $1 && cp $2 $1/identity.db && {spoil}; exec "$3" -c "$4" $1/identity.db',
            "sh", str(small), str(store.database.path), sys.executable, SCRIPT,
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount:" in done.stderr:
        skip_without(f"mount: {done.stderr}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert words in done.stderr, done.stderr
    assert done.stderr.startswith("identity_store: ")
