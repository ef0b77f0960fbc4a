"""Finds files of a state folder that are damaged, before anything is started on it.

A process that meets one would end with a traceback, again and again, or begin again with an empty one and forget who is who.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import StateFolderError

__all__ = ["check_files", "database_damage"]

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
QUICK_CHECK_BYTES = 64 * 2**20
"""Upper bound of the databases that are read as a whole."""
SECRET = re.compile(r"[0-9a-f]{64}")


def check_files(state: StateFolder) -> None:
    """Look at the secrets and the databases.

    Raises
    ------
    StateFolderError
        With each damaged file, what it holds and what to do. Nothing is changed.
    """
    problems = [
        f"{path.relative_to(state.root)} is {'empty' if not path.stat().st_size else 'damaged'}. Restore it from a backup, "
        f"or delete it: Labyard makes another, and everyone signs in again"
        for path in sorted(state.secrets.glob("[!.]*"))
        if path.is_file() and not SECRET.fullmatch(path.read_text(errors="replace").strip())
    ]
    new = not any(state.homes.iterdir())
    for path, holds in _databases(state).items():
        damage = database_damage(path)
        if damage and not (new and not path.stat().st_size):  # a first start that was killed leaves an empty one
            name = path.relative_to(state.root)
            problems.append(f"{name} {damage}. It holds {holds}. Restore it from a backup, or move it away to go on without what it holds")
    if problems:
        raise StateFolderError(state.root, "; ".join(problems))


def _databases(state: StateFolder) -> dict[Path, str]:
    return {
        state.identity_database: "the people with their passwords and invitations",
        state.database: "projects, members, links and events",
        state.hub / "jupyterhub.sqlite": "tokens, sessions, groups and which servers run",
        state.mlflow / "mlflow.db": "runs and models",
    }


def database_damage(path: Path) -> str:
    """Return what is wrong with a SQLite file, to follow its name; empty if nothing is, or if there is no file."""
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        size = path.stat().st_size
    except FileNotFoundError:
        return ""
    if not header:
        return "is empty"
    if not header.startswith(MAGIC):
        return "is not a database"
    page = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65536
    whole = page * int.from_bytes(header[28:32])
    if len(header) < HEADER_BYTES or (header[24:28] == header[92:96] and size < whole):
        return f"is cut off ({size} of {whole} bytes)"
    check = "PRAGMA quick_check(1)" if size <= QUICK_CHECK_BYTES else "SELECT name FROM sqlite_master LIMIT 1"
    try:
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            row = connection.execute(check).fetchone()
    except sqlite3.DatabaseError as error:
        # Others, such as a full disk, are told by who needs to write.
        return "is damaged" if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) else ""
    return "is damaged" if check.startswith("PRAGMA") and row != ("ok",) else ""
