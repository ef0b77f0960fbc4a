"""The labyard service's database: SQLite on one machine, PostgreSQL on a cluster."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, func, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from labyard_hub.exceptions import DatabaseNewerError, DatabaseUnavailableError, DiskFullError

__all__ = ["Database"]

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another one, in seconds."""
MIGRATION_LOCK = 1_635_021_170
"""A number that nothing else locks by."""
POSTGRESQL_DISK_FULL = "53100"
"""Its SQLSTATE."""


class Database:
    """Connections to one database.

    Parameters
    ----------
    url
        Of SQLAlchemy: ``sqlite+aiosqlite:///FILE`` or ``postgresql+asyncpg://USER:PASSWORD@HOST/NAME``.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._writing = self._engine.execution_options(labyard_writes=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees one state of the database.

        Raises
        ------
        DatabaseUnavailableError
            If it cannot be reached, or the disk is full.
        """
        async with _translated(), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose changes are kept if the block ends without an error, and all undone otherwise.

        Raises
        ------
        DatabaseUnavailableError
            If it cannot be reached, or the disk is full.
        """
        async with _translated(), self._writing.begin() as connection:
            yield connection

    async def migrate(self) -> str:
        """Bring the tables up to this version, and return the revision.

        Raises
        ------
        DatabaseNewerError
            If a newer Labyard has changed them. Nothing is done.
        DatabaseUnavailableError
            If it cannot be reached.
        """
        async with _translated(), self._writing.begin() as connection:
            return await connection.run_sync(_migrate)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        # PostgreSQL closes connections when it is restarted; a look before use tells.
        return create_async_engine(parsed, pool_pre_ping=True, connect_args={"timeout": 10, "command_timeout": 30})
    engine = create_async_engine(parsed)

    @event.listens_for(engine.sync_engine, "connect")
    def _set_up(connection: Any, _: Any) -> None:
        # The driver would begin transactions when it thinks best; SQLAlchemy's documentation says to begin them oneself.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"busy_timeout = {BUSY_TIMEOUT_MS}", "synchronous = NORMAL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        # The mode stays in the file. This one does not wait for others, who then are setting it themselves.
        with contextlib.suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that first reads would fail, without waiting, when another one has written in between: it takes the lock at once.
        writes = connection.get_execution_options().get("labyard_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except DBAPIError as error:
        full = "disk is full" in str(error.orig) or getattr(error.orig, "sqlstate", None) == POSTGRESQL_DISK_FULL
        raise (DiskFullError if full else DatabaseUnavailableError)(str(error.orig)) from error
    except (OSError, TimeoutError) as error:
        raise DatabaseUnavailableError(str(error) or type(error).__name__) from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailableError(str(error)) from error


def _migrate(connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        # Of several services that start at once one changes the tables, and the others find it done. SQLite has one writer anyway.
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(files("labyard_hub") / "schema" / "migrations"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    head = str(scripts.get_current_head())
    current = MigrationContext.configure(connection).get_current_revision()
    if current != head:
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise DatabaseNewerError(current)
        command.upgrade(config, "head")
    return head
