"""The folders of projects on this machine: who gets in is up to the kernel, by access lists that name each member's account."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from labyard.exceptions import LabyardError
from labyard_hub.backends.local.accounts import delete_account, ensure_account, ensure_project_account, find_project_account
from labyard_hub.backends.local.known_accounts import AccountTable, KnownAccounts
from labyard_hub.backends.local.project_folder import close_top, files_folder, secure_top
from labyard_hub.backends.local.project_rights import Rights, rights_of, rights_of_nobody
from labyard_hub.backends.local.project_views import ProjectViews
from labyard_hub.backends.local.project_walks import ProjectWalks
from labyard_hub.backends.local.trash import discard_folder, empty_trash, has_processes, list_trash
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import DesiredProject, is_project_id

__all__ = ["LocalProjectFiles"]

THOROUGH_SECONDS = 60.0
"""How often the disk is checked also for changes that only root could make, in seconds."""

APPLY_WAIT_SECONDS = 2.0
"""How long a change of roles waits for files below the topmost folder, in seconds. In most projects all is done by then."""

_log = structlog.get_logger("labyard.files")


def _now() -> datetime:
    return datetime.now(UTC)


class LocalProjectFiles:
    """The port `ProjectFiles` on this machine.

    Parameters
    ----------
    state
        Where the folders are.
    isolated
        Whether users have accounts of their own. Where they have not, there are folders and links, and nothing that could be enforced.
    trash_lifetime_seconds
        How long a deleted project, or the home of a removed person, stays in the trash; None: for ever.
    clock
        Tells the time, for the trash.
    """

    def __init__(
        self, state: StateFolder, *, isolated: bool, trash_lifetime_seconds: float | None, clock: Callable[[], datetime] = _now
    ) -> None:
        self._state, self._isolated, self._lifetime, self._clock = state, isolated, trash_lifetime_seconds, clock
        self._table = AccountTable(state)
        self._walks = ProjectWalks(self._table)
        self._views = ProjectViews(state, isolated=isolated)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._views_lock = threading.Lock()
        self._counter = itertools.count(1)
        self._changed: dict[str, int] = {}
        self._newest_change = 0
        self._seen: tuple[Sequence[DesiredProject], KnownAccounts] | None = None
        self._unknown: set[str] = set()
        self._thorough_at = 0.0

    async def apply(self, project: DesiredProject) -> None:
        """Make the folder where it is missing and enforce the members' roles.

        When this returns, only members get into the folder from outside, and each member has their role there. What is below is brought into line
        too, folders first, so that also a process that is inside already is out soon; in a large folder that goes on in the background.

        Raises
        ------
        ProjectFilesError
            If the file system has no access lists or the folder cannot be made.
        AccountError
            If an account cannot be made.
        """
        self._note_change(project.id)
        rights = await asyncio.to_thread(self._apply, project)
        if rights is not None:
            self._walks.want(project.id, files_folder(project.id, self._state), rights)
            await self._walks.wait(project.id, APPLY_WAIT_SECONDS)

    async def discard(self, project: DesiredProject) -> None:
        """Take the folder away from everybody and move it to the trash.

        Raises
        ------
        ProjectFilesError
            If it cannot be moved.
        """
        self._note_change(project.id)
        await self._walks.forget(project.id)
        trashed = await asyncio.to_thread(self._discard, project.id)
        if trashed is not None:
            self._strip(project.id, trashed)
            await self._walks.wait(trashed.name, APPLY_WAIT_SECONDS)

    async def keep(self, projects: Sequence[DesiredProject]) -> None:
        """Compare all folders with what they shall be, and mend what differs; this returns when all is done."""
        await self.look(projects, self.stamp(), everything=True)
        await self._walks.settled()

    def stamp(self) -> int:
        """Return a stamp of this moment, to be taken before the list of projects is read: what was applied since then is newer than the list."""
        return next(self._counter)

    async def look(self, projects: Sequence[DesiredProject], stamp: int, *, everything: bool = False) -> None:
        """Compare tops and links, empty the trash, and start the walks that are due.

        Parameters
        ----------
        projects
            All there are. Where this is the very object of the last time, only root could have made tops and links differ, and they are looked at now and then.
        stamp
            From `stamp`.
        everything
            Whether to start all walks and look at all of the disk.
        """
        thorough = everything or time.monotonic() >= self._thorough_at + THOROUGH_SECONDS
        seen = (projects, self._table.known())
        same = self._seen is not None and all(new is old for new, old in zip(seen, self._seen, strict=True))
        found: dict[str, Rights] = {}
        if thorough or not same:
            self._seen = None
            found, complete = await asyncio.to_thread(self._look, projects, stamp, thorough)
            if complete and self._newest_change <= stamp:
                self._seen = seen
        for project_id, rights in found.items():
            if self._is_current(project_id, stamp):
                self._walks.want(project_id, files_folder(project_id, self._state), rights)
        for key in self._walks.keys - {project.id for project in projects}:
            gone = self._is_current(key, stamp) if is_project_id(key) else not (self._state.trash / key).is_dir()
            if gone:
                await self._walks.forget(key)
        if thorough:
            self._thorough_at = time.monotonic()
            await self._keep_trash()
        self._walks.look(everything=everything)

    async def settled(self) -> None:
        """Wait until all that was begun in the background is done."""
        await self._walks.settled()

    async def close(self) -> None:
        """Stop what goes on in the background; the next start takes it up again."""
        await self._walks.close()

    def _note_change(self, project_id: str) -> None:
        self._changed[project_id] = self._newest_change = next(self._counter)
        self._seen = None

    def _is_current(self, project_id: str, stamp: int) -> bool:
        return self._changed.get(project_id, 0) <= stamp

    def _apply(self, project: DesiredProject) -> Rights | None:
        with self._locks[project.id]:
            ensure_project_account(project.id, self._state, isolated=self._isolated)
            if self._isolated:
                for user, _ in project.members:
                    if user not in self._table.known().users:
                        ensure_account(user, self._state, isolated=True)
            rights = self._secure(project)
            with self._views_lock:
                self._views.set_members(project.id, project.name, {user: self._gid(user) for user, _ in project.members})
            return rights

    def _secure(self, project: DesiredProject) -> Rights | None:
        """Set the top's list; None where nothing is enforced."""
        if not self._isolated:
            files_folder(project.id, self._state).mkdir(mode=0o700, exist_ok=True)
            return None
        known = self._table.known()
        account = known.projects.get(project.id)
        if account is None:  # on another machine, from a backup
            made = ensure_project_account(project.id, self._state, isolated=True)
            account, known = (made.uid, made.gid), self._table.known()
        rights = rights_of(project, account, known)
        secure_top(project.id, self._state, rights)
        return rights

    def _gid(self, user: str) -> int | None:
        return self._table.known().users[user][1] if self._isolated and user in self._table.known().users else None

    def _look(self, projects: Sequence[DesiredProject], stamp: int, thorough: bool) -> tuple[dict[str, Rights], bool]:
        """Return the rights in each project, and whether all could be looked after."""
        found: dict[str, Rights] = {}
        complete = True
        links: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for project in projects:
            for user, _ in project.members:
                links[user][project.name] = project.id
            with self._locks[project.id]:
                if not self._is_current(project.id, stamp):
                    complete = False
                    continue
                try:
                    rights = self._secure(project)
                except (LabyardError, OSError):
                    _log.exception("the folder of a project could not be looked after", project=project.id)
                    complete = False
                    continue
                if rights is not None:
                    found[project.id] = rights
        with self._views_lock:
            # Whatever was applied meanwhile has set its links itself.
            if self._newest_change <= stamp:
                self._views.keep({user: (self._gid(user), theirs) for user, theirs in links.items()}, thoroughly=thorough)
            else:
                complete = False
        return found, self._close_unknown({project.id for project in projects}, stamp) and complete

    def _close_unknown(self, wanted: set[str], stamp: int) -> bool:
        """Let nobody into folders that belong to no project, as a crash between the record's deletion and the folder's leaves behind; return whether all are closed.

        They are not moved to the trash: with a database from a backup, or a wrong one, all folders would seem to belong to no project.
        """
        unknown = {path.name for path in self._state.projects.iterdir() if is_project_id(path.name) and path.name not in wanted}
        for project_id in sorted(unknown & self._unknown):  # twice in a row: one made in this moment is none
            with self._locks[project_id]:
                if self._is_current(project_id, stamp):
                    try:
                        close_top(project_id, self._state)
                    except LabyardError:
                        _log.exception("a folder that belongs to no project could not be closed", folder=project_id)
        for project_id in sorted(unknown - self._unknown):
            _log.warning("a folder belongs to no project, and nobody is let in", folder=str(self._state.projects / project_id))
        done = unknown <= self._unknown
        self._unknown = unknown
        return done

    def _discard(self, project_id: str) -> Path | None:
        with self._locks[project_id]:
            close_top(project_id, self._state)
            with self._views_lock:
                self._views.set_members(project_id, "", {})
            return discard_folder(project_id, self._state, self._clock())

    def _strip(self, project_id: str, trashed: Path) -> None:
        """Take all rights from what is in the trash, also from processes that are inside; the project's account keeps it, until it is deleted."""
        account = find_project_account(project_id, self._state) if self._isolated else None
        if account is not None:
            self._walks.want(trashed.name, trashed / "files", rights_of_nobody((account.uid, account.gid)), copies=False)

    async def _keep_trash(self) -> None:
        trashed = {project.id: project.path for project in await asyncio.to_thread(list_trash, self._state)}
        for project_id in self._table.known().projects if self._isolated else ():
            # The folder is made before the account, and moved away before it is deleted.
            if not (self._state.projects / project_id).exists():
                try:
                    await self._retire_account(project_id, trashed.get(project_id))
                except LabyardError:
                    _log.exception("the account of a deleted project could not be deleted", project=project_id)
        for name in await asyncio.to_thread(empty_trash, self._state, self._lifetime, self._clock()):
            _log.info("a deleted project, or the home of a removed person, was removed from the trash for good", name=name)

    async def _retire_account(self, project_id: str, trashed: Path | None) -> None:
        """Delete a deleted project's account, once it is the owner of what is in the trash and none of its processes runs."""
        account = await asyncio.to_thread(find_project_account, project_id, self._state)
        if account is None:
            return
        if trashed is not None:
            self._strip(project_id, trashed)
            if not self._walks.is_done(trashed.name):
                return
        if await asyncio.to_thread(has_processes, account.uid):
            return
        if trashed is not None:
            await self._walks.forget(trashed.name)
        await asyncio.to_thread(delete_account, account, self._state)
