"""Removed people of one machine: their homes are in the trash until an administrator gives them back, or their time is over."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labyard.units import format_bytes
from labyard_hub.backends.local.accounts import AccountError, delete_account, ensure_account, find_account
from labyard_hub.backends.local.trash import Trashed, home_in_trash, list_trash
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.names import check_user_name
from labyard_hub.domain.removed_people import RemovedPerson, with_homeless
from labyard_hub.exceptions import NameInUseError

__all__ = ["folder_size", "removed_people", "restore", "retire"]


def retire(user: str, state: StateFolder) -> Path | None:
    """Take a removed user's home into the trash and delete their Unix account; return where the home went, None where there was none.

    The name can then be given to another person, who finds none of the files.

    Raises
    ------
    AccountError
        If the account still has processes or cannot be deleted. The home is then still in the trash.
    """
    home = state.homes / check_user_name(user)
    account = find_account(user, state)
    trashed: Path | None = None
    if home.is_dir() and not home.is_symlink():
        trashed = home_in_trash(user, state.generation(user), state, datetime.now(UTC))
        try:
            shutil.move(home, trashed)
        except OSError as error:
            raise AccountError(user, f"the home {home} could not be moved to the trash: {error.strerror}") from error
    if account is not None and os.geteuid() == 0:
        delete_account(account, state)
    # What is kept elsewhere under the name, such as an MLflow workspace, is not for the next one either.
    state.end_generation(user)
    return trashed


def removed_people(state: StateFolder, keep_seconds: float | None) -> list[RemovedPerson]:
    """Return who was removed; the sizes of homes are left out, since they take a walk.

    Parameters
    ----------
    keep_seconds
        How long a home is kept; None: for ever.
    """
    homes = [
        RemovedPerson(one.id, one.generation, str(one.path), None, one.discarded_at, _ends_at(one, keep_seconds))
        for one in list_trash(state)
        if one.generation is not None
    ]
    return with_homeless(homes, state.removed_people())


def folder_size(folder: str) -> str | None:
    """Return the size of a folder, for people; None where it cannot be read. It walks through all of it."""
    done = subprocess.run(["nice", "-n", "19", "du", "-skx", "--", folder], capture_output=True, text=True, check=False)
    figure = done.stdout.partition("\t")[0]
    return format_bytes(int(figure) * 1024) if figure.isdecimal() else None


def restore(user: str, generation: int, state: StateFolder, *, isolated: bool) -> None:
    """Give a removed person their name, home, runs and models back. Done again after a crash, it goes on where it was.

    Raises
    ------
    NameInUseError
        If there is a home of that name.
    AccountError
        If the account cannot be made, or the home cannot be moved.
    """
    home = state.homes / check_user_name(user)
    if home.is_symlink() or (home.exists() and any(home.iterdir())):
        raise NameInUseError(user)
    # More than one is there where a removal was interrupted: the first has what the person made.
    trashed = next((one.path for one in list_trash(state) if (one.id, one.generation) == (user, generation)), None)
    if trashed is not None:
        account = ensure_account(user, state, isolated=isolated)
        former = trashed.stat().st_uid
        if former != account.uid:  # the topmost folder is changed last
            _run(user, "chown", "--recursive", "--no-dereference", f"--from={former}", f"{account.uid}:{account.gid}", str(trashed))
    # Before the home is in its place: it must never be there for another person of the name.
    state.restore_generation(user, generation)
    if trashed is not None:
        try:
            trashed.rename(home)
        except OSError as error:
            raise AccountError(user, f"{trashed} could not be moved to {home}: {error.strerror}. Move it yourself") from error


def _run(user: str, *argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AccountError(user, f"{argv[0]} failed: {done.stderr.strip()[:300]}")


def _ends_at(one: Trashed, keep_seconds: float | None) -> datetime | None:
    return one.discarded_at + timedelta(seconds=keep_seconds) if keep_seconds is not None else None
