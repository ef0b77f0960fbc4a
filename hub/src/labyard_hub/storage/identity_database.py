"""The file behind the identity store: its tables, transactions, and its errors in words."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from labyard_hub.storage.identity_errors import IdentityStoreError, IdentityStoreNewerError

__all__ = ["SCHEMA_VERSION", "IdentityDatabase"]

SCHEMA_VERSION = 1
BUSY_TIMEOUT_SECONDS = 10

_SCHEMA = """
CREATE TABLE users (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    password_hash TEXT,
    admin INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    password_changed_at TEXT,
    last_sign_in_at TEXT
) STRICT;
CREATE TABLE links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('invitation', 'reset')),
    token_hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL COLLATE NOCASE,
    admin INTEGER NOT NULL,
    created_by TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT,
    revoked_at TEXT
) STRICT;
CREATE INDEX links_by_name ON links (name);
CREATE TABLE setup_tokens (
    token TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT;
"""


class IdentityDatabase:
    """One SQLite file, opened again for each transaction, so that any thread and any process may use it.

    Parameters
    ----------
    path
        The file; made with mode 0600 where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ready = False

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection to read with.

        Raises
        ------
        IdentityStoreError
            If the file cannot be used.
        """
        with self._errors(), closing(self._connect()) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside a transaction that no other one runs beside; it is undone if the block raises.

        Raises
        ------
        IdentityStoreError
            If the file cannot be used.
        """
        with self._errors(), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        if not self._ready:
            self._create_file()
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            if not self._ready:
                self._migrate(connection)
                self._ready = True
        except BaseException:
            connection.close()
            raise
        return connection

    def _create_file(self) -> None:
        # SQLite would make it readable for everyone; its journal files take the mode of the file itself.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if self._version(connection) == SCHEMA_VERSION:
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")  # of two that start at once, the second finds the first one's tables
        try:
            if self._version(connection) == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _version(self, connection: sqlite3.Connection) -> int:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise IdentityStoreNewerError(self.path, found, SCHEMA_VERSION)
        return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            why = _explain(self.path, error)
            raise IdentityStoreError(self.path, why, full=why == FULL) from error
        except OSError as error:
            raise IdentityStoreError(self.path, f"{error.strerror or error}") from error


FULL = "the disk is full. Nothing was changed. Free some space and try again"
READ_ONLY = "it or its folder is read-only. Nothing was changed. Make the state folder writable and try again"
LITTLE_BYTES = 64 * 1024
"""SQLite's shared-memory file alone takes half of that."""


def _explain(path: Path, error: sqlite3.DatabaseError) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR")):
        # SQLite names the file that it could not make, and not why.
        with suppress(OSError):
            if not os.access(path.parent, os.W_OK):
                return READ_ONLY
            if shutil.disk_usage(path.parent).free < LITTLE_BYTES:
                return FULL
    for beginning, text in (
        ("SQLITE_FULL", FULL),
        ("SQLITE_READONLY", READ_ONLY),
        ("SQLITE_CANTOPEN", "it cannot be opened. Check the permissions of the state folder"),
        ("SQLITE_BUSY", f"another process kept it busy for {BUSY_TIMEOUT_SECONDS} s. Nothing was changed. Try again"),
        ("SQLITE_NOTADB", "it is not a database. Restore the file from a backup"),
        ("SQLITE_CORRUPT", "it is damaged. Restore the file from a backup"),
        ("SQLITE_IOERR", "it could not be read or written (input/output error). Check the disk"),
    ):
        if name.startswith(beginning):
            return text
    return str(error)
