"""Unix accounts and homes of users.

With isolation (started as root) each user is an account of their own, made on demand: no login shell, no password, home in the state folder with mode
0700. An account is found again by its home folder, never by its name alone, so a Labyard user can never become an account
that the machine already had, and two state folders on one machine never share accounts.
"""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labyard.exceptions import LabyardError
from labyard_hub.backends.local.uids import UidLog
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.names import check_user_name
from labyard_hub.domain.projects import is_project_id

__all__ = [
    "Account",
    "AccountError",
    "UnreachableError",
    "check_reachable",
    "delete_account",
    "ensure_account",
    "ensure_project_account",
    "ensure_service_account",
    "find_account",
    "find_project_account",
    "isolates",
]

MAX_ACCOUNT_LENGTH = 32
"""Characters that Linux allows in the name of an account."""

ACCOUNT_PREFIX = "ly-"
COMMAND_TIMEOUT_SECONDS = 30

MACHINE_LOCK = Path("/run/labyard/accounts.lock")
"""In a folder of root's: anyone who could open it could keep accounts from being made."""


class AccountError(LabyardError):
    """An account or home could not be made or removed."""

    code = "account"

    def __init__(self, user: str, problem: str) -> None:
        super().__init__(f"could not set up the account of {user}: {problem}")


class UnreachableError(LabyardError):
    """Users' accounts cannot get to something that their servers need."""

    code = "unreachable"

    def __init__(self, what: str, path: Path, closed: Path) -> None:
        super().__init__(
            f"the users' accounts cannot reach {what} {path}: {closed} is closed to them. Open it for passing through with `chmod o+x {closed}`, or put it elsewhere"
        )


@dataclass(frozen=True)
class Account:
    """Who a user's processes run as.

    Attributes
    ----------
    user
        Labyard's name of the user.
    home
        Their home folder.
    uid, gid
        Unix ids.
    unix_name
        Name of the Unix account.
    """

    user: str
    home: Path
    uid: int
    gid: int
    unix_name: str


def isolates(isolation: str) -> bool:
    """Whether users get accounts of their own, given the setting `servers.isolation`."""
    return isolation == "auto" and os.geteuid() == 0


def check_reachable(what: str, path: Path) -> None:
    """Make sure that every account can pass through the folders above `path`.

    Raises
    ------
    UnreachableError
        With the folder that is closed and how to open it.
    """
    for folder in path.resolve().parents:
        if not folder.stat().st_mode & 0o001:
            raise UnreachableError(what, path, folder)


def find_account(user: str, state: StateFolder) -> Account | None:
    """Return the Unix account whose home is this user's, or None."""
    return _account_of(state.homes / check_user_name(user), user)


def _account_of(home: Path, user: str) -> Account | None:
    for entry in pwd.getpwall():
        if entry.pw_dir == str(home):
            return Account(user, home, entry.pw_uid, entry.pw_gid, entry.pw_name)
    return None


def ensure_account(user: str, state: StateFolder, *, isolated: bool) -> Account:
    """Return the account that `user`'s processes run as, and make it and their home where missing.

    Raises
    ------
    AccountError
        If ``useradd`` fails or the home cannot be made.
    InvalidNameError
        If `user` is no name that a user may have.
    """
    home = state.homes / check_user_name(user)
    try:
        account = _ensure(user, home, state) if isolated else _own(user, home)
        _ensure_private(account.home, account)
    except OSError as error:
        raise AccountError(user, f"{error.strerror}: {error.filename}") from error
    return account


def find_project_account(project_id: str, state: StateFolder) -> Account | None:
    """Return the Unix account of a project, or None."""
    return _account_of(_project_home(project_id, state), project_id)


def ensure_project_account(project_id: str, state: StateFolder, *, isolated: bool) -> Account:
    """Return the account that a project's own server runs as, and make it where it is missing, with its home and the folder of its tools' data.

    Raises
    ------
    AccountError
        If ``useradd`` fails, the home cannot be made, or `project_id` is none.
    """
    home = _project_home(project_id, state)
    try:
        home.parent.mkdir(mode=0o711, exist_ok=True)
        account = _ensure(project_id, home, state) if isolated else _own(project_id, home)
        for folder in (account.home, account.home.with_name("tools")):
            _ensure_private(folder, account)
    except OSError as error:
        raise AccountError(project_id, f"{error.strerror}: {error.filename}") from error
    return account


def _project_home(project_id: str, state: StateFolder) -> Path:
    if not is_project_id(project_id):
        raise AccountError(project_id, "that is no identifier of a project")
    return state.projects / project_id / "home"


def _own(user: str, home: Path) -> Account:
    try:
        me = pwd.getpwuid(os.geteuid())
    except KeyError:  # a container may be given any number to run as, which its image has no account for
        return Account(user, home, os.geteuid(), os.getegid(), str(os.geteuid()))
    return Account(user, home, me.pw_uid, me.pw_gid, me.pw_name)


def ensure_service_account(service: str, folder: Path, state: StateFolder) -> Account:
    """Return the account of a part of the platform that needs no root, such as MLflow, and give it its folder.

    Parameters
    ----------
    service
        A reserved name, so no user's.
    folder
        Its home, and the only thing of the state folder that it can read or write.

    Raises
    ------
    AccountError
        If ``useradd`` fails.
    """
    account = _ensure(service, folder, state)
    # Files of a time without isolation are root's.
    if any(entry.lstat().st_uid != account.uid for entry in (folder, *folder.iterdir())):
        _run(service, "chown", "--recursive", "--no-dereference", f"{account.uid}:{account.gid}", str(folder))
    return account


def _ensure_private(folder: Path, account: Account) -> None:
    """Make a folder that only the account can enter."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if folder.is_symlink() or not folder.is_dir():
            raise AccountError(account.user, f"{folder} is not a folder; move it away") from None
    # By descriptor and without following links: root must not be led elsewhere.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != account.uid:
            os.fchown(descriptor, account.uid, account.gid)
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)


def _ensure(user: str, home: Path, state: StateFolder) -> Account:
    found = _account_of(home, user)
    if found is not None:
        return found
    try:
        # The hub and the service may want the same account at the same moment: the second finds what the first has made.
        with UidLog.locked(state) as log, _alone_on_this_machine():
            return _account_of(home, user) or _add_account(user, home, state, log)
    except OSError as error:
        raise AccountError(user, f"{error.strerror}: {error.filename}") from error


def _add_account(user: str, home: Path, state: StateFolder, log: UidLog) -> Account:
    for name in _candidates(user, state):
        if _exists(name):
            continue
        uid = log.next(name)
        # The group gets the same number, which no other group will have either: by itself `useradd` takes one of its own range, and gives it again later.
        _run(
            user,
            "useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/usr/sbin/nologin", "--user-group", "--uid", str(uid),
            "--key", f"GID_MIN={uid}", "--key", f"GID_MAX={uid}", "--comment", f"Labyard user {user}", name,
        )  # fmt: skip
        account = _account_of(home, user)
        if account is not None:
            return account
    raise AccountError(user, "no name for a Unix account is free")


@contextmanager
def _alone_on_this_machine() -> Iterator[None]:
    """Keep the platforms of other state folders from making accounts.

    `useradd` looks whether the name is free before it locks the accounts: of two that are called with one name at the same moment, the second replaces the account that the first
    has made.
    """
    MACHINE_LOCK.parent.mkdir(mode=0o711, exist_ok=True)
    descriptor = os.open(MACHINE_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _candidates(user: str, state: StateFolder) -> list[str]:
    """Names to try: ``ly-ada``; where that one is somebody else's, one with the state folder's instance id."""
    if is_project_id(user):  # the tail is unique, the name before it is for people who read a list of processes
        name, _, tail = user.rpartition("--")
        user = f"{name[: MAX_ACCOUNT_LENGTH - len(ACCOUNT_PREFIX) - len(tail) - 2].rstrip('-')}--{tail}"
    plain = f"{ACCOUNT_PREFIX}{user}"
    suffix = f"-{state.instance}"
    marked = plain[: MAX_ACCOUNT_LENGTH - len(suffix)].rstrip("-") + suffix
    names = [plain] if len(plain) <= MAX_ACCOUNT_LENGTH else []
    # Two long names may be alike in their first characters: a number tells them apart.
    return [*names, marked, *(f"{marked[: MAX_ACCOUNT_LENGTH - 3]}-{number:02d}" for number in range(100))]


def _exists(name: str) -> bool:
    """Whether an account has this name, or a group, since each account has one of its own."""
    for look_up in (pwd.getpwnam, grp.getgrnam):
        try:
            look_up(name)
        except KeyError:
            continue
        return True
    return False


def _run(user: str, *argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_SECONDS, check=False)
    except FileNotFoundError:
        raise AccountError(user, f"the program {argv[0]} is missing; on Debian and Ubuntu: apt-get install passwd") from None
    except subprocess.TimeoutExpired:
        raise AccountError(user, f"{argv[0]} did not end within {COMMAND_TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        raise AccountError(user, f"{argv[0]} failed: {done.stderr.strip() or done.returncode}")


def delete_account(account: Account, state: StateFolder) -> None:
    """Delete a Unix account. Its uid is never given again, so files that it still owns somewhere are nobody's.

    Raises
    ------
    AccountError
        If it still has processes or cannot be deleted.
    """
    with UidLog.locked(state) as log:
        log.note(account.uid, account.unix_name)  # one of a time before there was a log
    _run(account.user, "userdel", account.unix_name)
