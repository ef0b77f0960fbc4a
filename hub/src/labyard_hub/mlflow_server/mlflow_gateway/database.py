"""Makes MLflow's database ready, once, before there are several workers: an SQLite file in its folder, or a PostgreSQL server's."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

from .configuration import Configuration
from .query_statistics import Statistics

__all__ = ["prepare", "tune"]


def prepare(configuration: Configuration) -> None:
    """Make the folders, and make or upgrade the tables. Where that cannot be, end with a sentence that says why."""
    try:
        configuration.artifacts.mkdir(mode=0o700, parents=True, exist_ok=True)
        exists = configuration.sqlite_file is None or _prepare_file(configuration.sqlite_file)
    except (OSError, sqlite3.Error) as error:
        sys.exit(
            f"MLflow's folder {configuration.folder} cannot be used: {error}. Free some space or mend its permissions, then start again."
        )
    if exists:
        _migrate(configuration.database_url)
    if configuration.sqlite_file is not None:
        statistics = Statistics(configuration.sqlite_file)
        if exists:
            _gather(statistics)
        statistics.keep()


def tune(connection: Any, _: Any) -> None:
    """Set how a connection of SQLAlchemy's writes; for its event ``connect``, and for SQLite only."""
    if not isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()
    try:
        # With a write-ahead log this loses nothing when the process dies, and saves a flush to disk per logged metric.
        cursor.execute("PRAGMA synchronous = NORMAL")
    finally:
        cursor.close()


def _prepare_file(file: Path) -> bool:
    """Return whether the file was there already."""
    exists = file.exists()
    with sqlite3.connect(file, timeout=20) as connection:
        # Readers and a writer do not wait for each other; the setting stays in the file.
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    file.chmod(0o600)
    return exists


def _migrate(url: str) -> None:
    from mlflow.store.db.utils import (  # noqa: PLC0415  # reads the environment that was just set
        _all_tables_exist,
        _initialize_tables,
        _upgrade_db,
        create_sqlalchemy_engine,
    )
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  # as late

    engine = create_sqlalchemy_engine(url)
    try:
        if engine.dialect.name == "sqlite" or _has_tables(engine):
            _upgrade_db(engine)
        elif not _all_tables_exist(engine):
            _initialize_tables(engine)
    except SQLAlchemyError as error:
        # Its own text holds what the server said; the address is shown without a password.
        sys.exit(
            f"MLflow's database {engine.url} cannot be used: {getattr(error, 'orig', None) or error}. Mend it or its account, then start again."
        )
    finally:
        engine.dispose()


def _has_tables(engine: Any) -> bool:
    from sqlalchemy import inspect  # noqa: PLC0415  # as above

    return bool(inspect(engine).get_table_names())


def _gather(statistics: Statistics) -> None:
    try:
        statistics.gather()
    except sqlite3.Error as error:
        sys.stderr.write(f"MLflow's queries may be slow, for SQLite could not look through its database: {error}\n")
