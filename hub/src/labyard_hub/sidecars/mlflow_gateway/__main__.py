"""``python -m mlflow_gateway``: prepares MLflow's database and serves."""

from __future__ import annotations

import os
import sqlite3
import sys

import uvicorn
from mlflow_gateway.configuration import Configuration, apply
from mlflow_gateway.light import imported_lightly
from mlflow_gateway.query_statistics import Statistics

__all__ = ["main"]


def main() -> None:
    """Read the environment, bring the database up to date, and serve until told to stop."""
    configuration = Configuration.from_environment(os.environ)
    apply(configuration)
    with imported_lightly():
        import mlflow_gateway.application  # noqa: F401, PLC0415  reads the environment that was just set
    _prepare(configuration)
    Statistics(configuration.database).keep()
    uvicorn.run(
        "mlflow_gateway.light:create",
        factory=True,
        host=configuration.host,
        port=configuration.port,
        workers=configuration.workers,
        proxy_headers=False,
        server_header=False,
        ws="none",
        log_level="warning",
        timeout_keep_alive=120,  # longer than the proxy in front keeps a connection, 90 s: one that closes at this end may swallow a request
        timeout_graceful_shutdown=5,
    )


def _prepare(configuration: Configuration) -> None:
    """Make or upgrade the tables, once, before there are several workers."""
    folder = configuration.folder
    try:
        (folder / "artifacts").mkdir(mode=0o700, parents=True, exist_ok=True)
        exists = configuration.database.exists()
        with sqlite3.connect(configuration.database, timeout=20) as connection:
            # Readers and a writer do not wait for each other; the setting stays in the file.
            connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        configuration.database.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"MLflow's folder {folder} cannot be used: {error}. Free some space or mend its permissions, then start again.")
    if exists:
        from mlflow.store.db.utils import _upgrade_db, create_sqlalchemy_engine  # noqa: PLC0415  # reads the environment that was just set

        engine = create_sqlalchemy_engine(configuration.database_url)
        try:
            _upgrade_db(engine)
        finally:
            engine.dispose()
        try:
            Statistics(configuration.database).gather()
        except sqlite3.Error as error:
            sys.stderr.write(f"MLflow's queries may be slow, for SQLite could not look through its database: {error}\n")


if __name__ == "__main__":
    main()
