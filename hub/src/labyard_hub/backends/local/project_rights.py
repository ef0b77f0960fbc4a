"""What owner and access list each inode in a project's folder shall have."""

from __future__ import annotations

from dataclasses import dataclass, field

from labyard.permissions import Capability
from labyard_hub.backends.local.acl import EXECUTE, READ, WRITE, encode
from labyard_hub.backends.local.known_accounts import KnownAccounts
from labyard_hub.domain.projects import DesiredProject

__all__ = ["Rights", "rights_of", "rights_of_nobody"]


@dataclass(frozen=True)
class Rights:
    """The rights in one project's folder. Equal ones need no second look at what did not change.

    Attributes
    ----------
    account
        Uid and gid of the project's own account, which owns what has no rightful owner.
    owners
        Uids that may own inodes: anyone who owns one can change its mode, so only those who may write there.
    users
        Permissions by uid.
    writable
        Whether an owner may write to what is theirs.
    """

    account: tuple[int, int]
    owners: frozenset[int]
    users: tuple[tuple[int, int], ...]
    writable: bool
    folder: bytes = field(init=False, repr=False)
    file: bytes = field(init=False, repr=False)
    program: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        owner = READ | (WRITE if self.writable else 0)
        entered = {uid: permissions | EXECUTE for uid, permissions in self.users}
        object.__setattr__(self, "folder", encode(owner | EXECUTE, entered))
        object.__setattr__(self, "file", encode(owner, dict(self.users)))
        object.__setattr__(self, "program", encode(owner | EXECUTE, entered))


def rights_of(project: DesiredProject, account: tuple[int, int], known: KnownAccounts) -> Rights:
    """Return the rights in the folder of `project`. Members without an account have no process that could use any."""
    users = {
        known.users[user][0]: permissions
        for user, capabilities in project.members
        if user in known.users and (permissions := _permissions(capabilities))
    }
    # Its account has an entry of its own also where it owns the inode: the entry tells that the inode is this project's, see `hard_links`.
    users[account[0]] = _permissions(project.server)
    owners = frozenset(uid for uid, permissions in users.items() if permissions & WRITE)
    return Rights(account, owners, tuple(sorted(users.items())), account[0] in owners)


def _permissions(capabilities: frozenset[Capability]) -> int:
    return (READ if Capability.READ_FILES in capabilities else 0) | (WRITE if Capability.WRITE_FILES in capabilities else 0)


def rights_of_nobody(account: tuple[int, int]) -> Rights:
    """Return the rights in a discarded folder: all belongs to the project's account, whose number is never given again."""
    return Rights(account, frozenset(), (), writable=True)
