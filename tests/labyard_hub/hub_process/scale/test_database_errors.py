"""A hub's database that cannot be written: activity is dropped, changes are refused in words. A trigger stands in for the disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from jupyterhub import orm
from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker
from tornado.web import HTTPError

from labyard_hub.hub_process.scale.database_errors import DatabaseNotWritableError, PatientSession, explain_database_errors

NOW = datetime(2026, 1, 1)  # noqa: DTZ001  # as JupyterHub's


@pytest.fixture
def session() -> Iterator[PatientSession]:
    explain_database_errors()
    factory = orm.new_session_factory("sqlite:///:memory:")
    session = sessionmaker(class_=PatientSession, **factory.kw)()
    session.add(orm.User(name="ada"))
    session.commit()
    yield session
    session.close()


def fill_disk(session: PatientSession) -> None:
    """Have every write fail as it does on a full disk."""
    for what in ("INSERT", "UPDATE", "DELETE"):
        session.execute(text(f"CREATE TRIGGER no_{what} BEFORE {what} ON users BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"))
    session.commit()


def ada(session: PatientSession) -> orm.User:
    found: orm.User = session.scalars(select(orm.User)).one()
    return found


def test_activity_alone_is_dropped_and_the_caller_stays_known(session: PatientSession) -> None:
    fill_disk(session)
    user = ada(session)
    user.last_activity = NOW
    session.commit()
    assert (user.name, user.last_activity) == ("ada", None)
    session.execute(text("DROP TRIGGER no_UPDATE"))
    user.last_activity = NOW
    session.commit()
    assert ada(session).last_activity == NOW


def test_a_change_is_refused_and_undone(session: PatientSession) -> None:
    fill_disk(session)
    user = ada(session)
    user.last_activity, user.admin = NOW, True
    with pytest.raises(DatabaseNotWritableError) as refused:
        session.commit()
    assert isinstance(refused.value, SQLAlchemyError), "JupyterHub rolls back"
    assert isinstance(refused.value, HTTPError)
    assert (refused.value.status_code, refused.value.reason) == (507, "The disk is full")
    assert "the disk is full. Nothing was changed" in refused.value.jupyterhub_message
    assert user.admin is False
    session.add(orm.User(name="bob"))
    with pytest.raises(DatabaseNotWritableError):
        session.commit()
    with pytest.raises(DatabaseNotWritableError):
        session.execute(update(orm.User).values(admin=True))
    session.rollback()
    user.last_activity = NOW
    session.commit()  # the refused change before it does not make a change of this
    assert [one.name for one in session.scalars(select(orm.User))] == ["ada"]
