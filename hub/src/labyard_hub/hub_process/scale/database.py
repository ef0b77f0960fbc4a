"""Settings of the hub's database that JupyterHub leaves at their defaults."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyterhub import orm
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import ORMExecuteState, Session, lazyload

__all__ = ["rows_alone", "tune_sqlite"]


def tune_sqlite() -> None:
    """Write ahead instead of twice, wait for the disk at checkpoints only, and do not ask before each transaction whether the file is still there. Calling it again changes nothing.

    JupyterHub commits ten times for each start, and each commit waited for the disk, with the event loop. When the machine loses power, the last commits may be lost,
    never the file; the servers that they told of are gone then too.
    """
    if not event.contains(Engine, "connect", _set_pragmas):
        event.listen(Engine, "connect", _set_pragmas)
    orm.register_ping_connection = _ping_servers_only


def _set_pragmas(connection: Any, record: Any) -> None:  # noqa: ARG001  # SQLAlchemy's signature
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")


_ping = orm.register_ping_connection


def _ping_servers_only(engine: Any) -> None:
    """Have each transaction begin with a question to the database, which finds lost connections to a server: 0.3 ms that a file needs not."""
    if engine.dialect.name != "sqlite":
        _ping(engine)


@contextmanager
def rows_alone(session: Session) -> Iterator[None]:
    """Read rows without what belongs to them until the end of the block; that is read when it is asked for. JupyterHub reads each user's groups, roles and tokens otherwise."""
    event.listen(session, "do_orm_execute", _leave_the_rest)
    try:
        yield
    finally:
        event.remove(session, "do_orm_execute", _leave_the_rest)


def _leave_the_rest(state: ORMExecuteState) -> None:
    if state.is_select and not state.is_relationship_load and not state.is_column_load:
        state.statement = state.statement.options(lazyload("*"))
