"""The links through which people find their projects: ``~/projects/NAME``.

Each user has a folder in the state folder with a link per project, and a link ``projects`` in their home that leads there. The folder is root's, so that its
owner cannot tamper with it; a link gives no right to anything.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import structlog

from labyard_hub.backends.local.accounts import Account
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.names import check_user_name

__all__ = ["HOME_LINK", "SECOND_HOME_LINK", "ProjectViews", "ensure_home_link", "ensure_view"]

HOME_LINK = "projects"
SECOND_HOME_LINK = "labyard-projects"
"""Taken where a person has something of their own that is called ``projects``."""

_log = structlog.get_logger("labyard.files")


def ensure_view(user: str, gid: int | None, state: StateFolder) -> Path:
    """Return the folder with the links to a user's projects, made where it is missing.

    Parameters
    ----------
    gid
        The group of the user's account, the only one that can list it; None where users are not isolated.
    """
    view = state.project_views / check_user_name(user)
    view.mkdir(mode=0o700, exist_ok=True)
    if gid is not None:
        status = view.stat()
        if (status.st_uid, status.st_gid) != (0, gid):
            os.chown(view, 0, gid)
        if status.st_mode & 0o777 != 0o750:
            view.chmod(0o750)
    return view


def ensure_home_link(account: Account, state: StateFolder, *, isolated: bool) -> str | None:
    """Make the link in a user's home that leads to their projects, and return its name; None where it cannot be made, which is logged.

    The home is its owner's: everything is done by its descriptor, and nothing there is followed or replaced.
    """
    target = os.path.relpath(state.project_views / account.user, account.home)
    try:
        ensure_view(account.user, account.gid if isolated else None, state)
        home = os.open(account.home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return _link_in(home, target, account if isolated else None)
        finally:
            os.close(home)
    except OSError as error:  # a full disk must not keep anybody from the server with which they would tidy up
        _log.warning("a home has no link to its owner's projects", user=account.user, problem=error.strerror)
        return None


def _link_in(home: int, target: str, owner: Account | None) -> str | None:
    for name in (HOME_LINK, SECOND_HOME_LINK):
        if _read_link(name, home) == target:
            return name
        try:
            os.symlink(target, name, dir_fd=home)
        except FileExistsError:
            continue
        if owner is not None:
            os.chown(name, owner.uid, owner.gid, dir_fd=home, follow_symlinks=False)
        return name
    raise FileExistsError(errno.EEXIST, f"{HOME_LINK} and {SECOND_HOME_LINK} are something else")


class ProjectViews:
    """Keeps the links of all users.

    Parameters
    ----------
    state
        Whose.
    isolated
        Whether users have accounts of their own.
    """

    def __init__(self, state: StateFolder, *, isolated: bool) -> None:
        self._state, self._isolated = state, isolated
        self._last: dict[str, dict[str, str]] = {}

    def set_members(self, project_id: str, name: str, members: Mapping[str, int | None]) -> None:
        """Give the members, by name with the gid of their account, a link to the project, and take it from everybody else who is known to have one."""
        for user, links in self._last.items():
            if user not in members and project_id in links.values():
                self.set_links(user, None, {link: target for link, target in links.items() if target != project_id})
        for user, gid in members.items():
            others = {link: target for link, target in self._read(user).items() if target != project_id}
            self.set_links(user, gid, {**others, name: project_id})

    def set_links(self, user: str, gid: int | None, links: Mapping[str, str]) -> None:
        """Let the user's folder hold exactly these links, to projects' identifiers by name."""
        if gid is None and self._isolated and not (self._state.project_views / user).exists():
            return  # no account yet: nobody who could look
        view = ensure_view(user, gid if self._isolated else None, self._state)
        for entry in list(os.scandir(view)):
            if entry.name not in links:
                _remove(Path(entry.path))
        for name, project_id in links.items():
            _point(view / name, f"../../projects/{project_id}/files")
        self._last[user] = dict(links)

    def keep(self, wanted: Mapping[str, tuple[int | None, Mapping[str, str]]], *, thoroughly: bool) -> None:
        """Compare all users' links with `wanted`, a gid and links by user, and mend them.

        Parameters
        ----------
        thoroughly
            Whether to look at the disk also where nothing is known to have changed.
        """
        for user, (gid, links) in wanted.items():
            if thoroughly or self._last.get(user) != links:
                self.set_links(user, gid, links)
        for user in list(self._last):
            if user not in wanted and self._last[user]:
                self.set_links(user, None, {})
        if thoroughly:
            self._forget_the_gone(wanted)

    def _forget_the_gone(self, wanted: Mapping[str, object]) -> None:
        for entry in list(os.scandir(self._state.project_views)):
            if entry.name in wanted:
                continue
            if (self._state.homes / entry.name).is_dir():
                self.set_links(entry.name, None, {})
            else:
                _remove(Path(entry.path))
                self._last.pop(entry.name, None)

    def _read(self, user: str) -> dict[str, str]:
        if user not in self._last:
            view = self._state.project_views / user
            entries = list(os.scandir(view)) if view.is_dir() else []
            self._last[user] = {entry.name: Path(entry.path).readlink().parent.name for entry in entries if entry.is_symlink()}
        return self._last[user]


def _point(link: Path, target: str) -> None:
    """Make `link` lead to `target`, at once: who looks sees the old or the new."""
    try:
        if str(link.readlink()) == target:
            return
    except OSError:
        pass  # missing, or no link
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    draft = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    draft.symlink_to(target)
    draft.replace(link)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _read_link(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None
