"""The hub's SQLite file is written ahead, and no start waits ten times for the disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from jupyterhub import orm
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from labyard_hub.hub_process.scale import database
from labyard_hub.hub_process.scale.database import rows_alone, tune_sqlite


def test_commits_do_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orm, "register_ping_connection", orm.register_ping_connection)  # it is put back
    tune_sqlite()
    tune_sqlite()
    try:
        session = orm.new_session_factory(url=f"sqlite:///{tmp_path / 'hub.sqlite'}")()
        assert session.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert session.execute(text("PRAGMA synchronous")).scalar_one() == 1
        # What JupyterHub itself sets stays.
        assert session.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
        session.commit()
        sent: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda *sending: sent.append(sending[2]))
        session.add(orm.User(name="ada"))
        session.commit()
        assert [statement.split()[0] for statement in sent] == ["INSERT"]
        session.close()
    finally:
        event.remove(Engine, "connect", database._set_pragmas)
    assert sqlite3.connect(tmp_path / "hub.sqlite").execute("SELECT name FROM users").fetchall() == [("ada",)]


def test_rows_are_read_alone_and_what_belongs_to_them_when_it_is_asked_for() -> None:
    session = orm.new_session_factory(url="sqlite:///:memory:")()
    session.add_all(orm.User(name=f"user{number}", groups=[orm.Group(name=f"group{number}")]) for number in range(3))
    session.commit()
    session.expunge_all()
    sent: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *sending: sent.append(sending[2]))

    with rows_alone(session):
        users = session.query(orm.User).all()
    assert len([statement for statement in sent if "users" in statement]) == 1
    assert [[group.name for group in user.groups] for user in users] == [["group0"], ["group1"], ["group2"]]

    session.expunge_all()
    sent.clear()
    users = session.query(orm.User).all()
    with_groups = len(sent)
    assert [[group.name for group in user.groups] for user in users] == [["group0"], ["group1"], ["group2"]]
    assert len(sent) == with_groups > 1
    session.close()
