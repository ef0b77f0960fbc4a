"""Gives one file or folder of a project the owner and access list that it shall have."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import Counter
from collections.abc import Collection

from labyard_hub.backends.local.acl import READ, decode, read_acl, write_acl
from labyard_hub.backends.local.hard_links import DRAFT_PREFIX, are_protected, replace_by_copy
from labyard_hub.backends.local.project_rights import Rights

__all__ = ["Mender"]

_PATH_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})


class Mender:
    """Compares inodes with the rights of a project and mends them.

    Parameters
    ----------
    rights
        What they shall have.
    ours
        Uids whose files may change hands. What root or an account of the machine made in the project's folder keeps its owner, and what they made elsewhere,
        so that it has no entry of the project in its list, is left alone altogether; so is what `_may_be_taken` refuses.
    stop
        Ends the copying of a large file early.
    copies
        Whether a file that has other names elsewhere is replaced by a copy; it is left alone otherwise.

    Attributes
    ----------
    recent
        How many had changed since the walk before.
    mended
        How many were changed.
    left
        How many were left alone, by reason.
    failed
        How many could not be changed, by what the system said; the walk has to be made again.
    """

    def __init__(self, rights: Rights, ours: Collection[int], stop: threading.Event, *, copies: bool = True) -> None:
        self._rights, self._ours, self._stop, self._copies = rights, ours, stop, copies
        self._links_are_safe = are_protected()
        self.recent = self.mended = 0
        self.left: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def folder(self, descriptor: int, status: os.stat_result) -> bool:
        """Mend a folder; return whether its access list was another one, so that nothing below it can be relied on."""
        try:
            if self._is_foreign(status, read_acl(descriptor)):
                return False
            wrong_owner = self._take_from_others(descriptor, status)
            # The kernel writes the first entry of each list into the mode and back; a sticky bit would keep members from deleting what others made.
            if status.st_mode & stat.S_ISVTX:
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & ~stat.S_ISVTX)
            differs = False
            for kind in ("default", "access"):
                if read_acl(descriptor, kind) != self._rights.folder:
                    write_acl(descriptor, self._rights.folder, kind)
                    differs = True
        except OSError as error:
            return self._fails(error)
        self.mended += differs or wrong_owner
        return differs

    def file(self, folder: int, name: str) -> None:
        """Mend the regular file `name` in `folder`, if it still is one."""
        try:
            descriptor = os.open(name, _PATH_FLAGS, dir_fd=folder)
        except OSError as error:
            self._fails(error)
            return
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                self._regular(folder, name, descriptor, status)
        except OSError as error:
            self._fails(error)
        finally:
            os.close(descriptor)

    def _regular(self, folder: int, name: str, descriptor: int, status: os.stat_result) -> None:
        current = read_acl(descriptor)
        if status.st_uid == 0 and name.startswith(DRAFT_PREFIX):  # of a copy that a crash cut short
            os.unlink(name, dir_fd=folder)
            return
        if self._is_foreign(status, current):
            return
        # Only with protected hard links is a second name proof that the user who gave it could read and write the file anyway.
        if status.st_nlink > 1 and not self._links_are_safe:
            self.left["with several names, and the kernel does not protect hard links"] += 1
        elif status.st_nlink > 1 and not self._is_ours(status, current):
            self._separate(folder, name, descriptor, status)
        else:
            self._set(descriptor, status, current)

    def _is_foreign(self, status: os.stat_result, acl: bytes) -> bool:
        if self._is_ours(status, acl) or self._may_be_taken(status, acl):
            return False
        self.left["of other people, or of another project whose members are others"] += 1
        return True

    def _may_be_taken(self, status: os.stat_result, acl: bytes) -> bool:
        """Return whether opening what came from elsewhere tells nobody more than they can read already, or is its owner's own doing.

        Nobody knows who moved it here: it may be a link that somebody kept while they had the right to it.
        """
        users = dict(self._rights.users)
        if not users:  # a discarded folder, which opens to nobody
            return status.st_uid in self._ours
        listed = decode(acl)
        owned = status.st_uid in self._rights.owners
        if not listed:  # from a home
            return owned
        alone = status.st_nlink == 1 or stat.S_ISDIR(status.st_mode)
        members = users.keys() - {self._rights.account[0], status.st_uid}
        return (owned and alone) or (status.st_uid in self._ours and all(listed.get(uid, 0) & READ for uid in members))

    def _is_ours(self, status: os.stat_result, acl: bytes) -> bool:
        account = self._rights.account[0]
        return status.st_uid == account or account in decode(acl)

    def _separate(self, folder: int, name: str, descriptor: int, status: os.stat_result) -> None:
        if not self._copies:
            self.left["with several names"] += 1
            return
        owner = (status.st_uid, status.st_gid) if status.st_uid in self._rights.owners else self._rights.account
        copy = replace_by_copy(folder, name, descriptor, owner, self._stop)
        if copy is None:
            self.failed["a file changed while it was copied"] += 1
            return
        try:
            self._set(copy, os.fstat(copy), b"")
        finally:
            os.close(copy)

    def _set(self, descriptor: int, status: os.stat_result, current: bytes) -> None:
        changed = self._take_from_others(descriptor, status)
        if status.st_mode & _SPECIAL_BITS and status.st_uid in self._ours:  # nobody shall lend others their rights by a program
            os.chmod(f"/proc/self/fd/{descriptor}", stat.S_IMODE(status.st_mode) & 0o777)  # noqa: PTH101
        wanted = self._rights.program if status.st_mode & stat.S_IXUSR else self._rights.file
        if current != wanted:
            write_acl(descriptor, wanted)
            changed = True
        self.mended += changed

    def _take_from_others(self, descriptor: int, status: os.stat_result) -> bool:
        """Give the inode to the project's account if its owner may not own any here: before the list is set, since an owner could change it again."""
        account = self._rights.account
        if status.st_uid in self._rights.owners or status.st_uid not in self._ours or status.st_uid == account[0]:
            return False
        os.chown(f"/proc/self/fd/{descriptor}", *account)  # follows the descriptor, not a name
        return True

    def _fails(self, error: OSError) -> bool:
        if error.errno not in _GONE:  # moved or deleted meanwhile: the walk after this one sees it by its time of change
            self.failed[error.strerror or str(error)] += 1
        return False
