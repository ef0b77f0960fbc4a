"""Which uids are Labyard's own, and so may have their files moved from one owner to another."""

from __future__ import annotations

import pwd
from dataclasses import dataclass
from pathlib import Path

from labyard_hub.backends.local.uids import given_uids
from labyard_hub.config.state import StateFolder

__all__ = ["AccountTable", "KnownAccounts"]

PASSWD = Path("/etc/passwd")


@dataclass(frozen=True)
class KnownAccounts:
    """The accounts of one moment.

    Attributes
    ----------
    users
        Uid and gid of each user's account, by name.
    projects
        The same of each project's, by its identifier.
    uids
        All of ours, those of deleted accounts included. Root and the machine's own accounts never are.
    """

    users: dict[str, tuple[int, int]]
    projects: dict[str, tuple[int, int]]
    uids: frozenset[int]


class AccountTable:
    """Reads the accounts, and again when they have changed.

    Parameters
    ----------
    state
        Whose accounts.
    """

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._stamp: object = None
        self._known = KnownAccounts({}, {}, frozenset())

    def known(self) -> KnownAccounts:
        """Return the accounts that there are now."""
        stamp = (_stamp(PASSWD), _stamp(self._state.uids_file))
        if stamp != self._stamp:
            self._known = self._read()
            self._stamp = stamp
        return self._known

    def _read(self) -> KnownAccounts:
        users, projects, foreign = {}, {}, set()
        for entry in pwd.getpwall():
            home, found = Path(entry.pw_dir), (entry.pw_uid, entry.pw_gid)
            if home.parent == self._state.homes:
                users[home.name] = found
            elif home.name == "home" and home.parent.parent == self._state.projects:
                projects[home.parent.name] = found
            else:
                foreign.add(entry.pw_uid)
        alive = {uid for uid, _ in (*users.values(), *projects.values())}
        return KnownAccounts(users, projects, (given_uids(self._state) | alive) - foreign - {0})


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
