"""The hub's users by the thousands: what counting and reading them costs, in looks and queries, and that it is what upstream would say."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import Iterator
from typing import Any

import jupyterhub
import pytest
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import Spawner
from jupyterhub.user import UserDict
from sqlalchemy import event

from labyard_hub.hub_process.removed_people import REMOVED_PEOPLE
from labyard_hub.hub_process.scale.app import CHUNK, LabyardHub
from labyard_hub.hub_process.scale.users import FLAGS, HubUsers, pending_servers, watch_pending


class StillSpawner(Spawner):  # type: ignore[misc]
    """Its servers always run."""

    async def start(self) -> tuple[str, int]:
        return "127.0.0.1", 1

    async def poll(self) -> None:
        return None

    async def stop(self, now: bool = False) -> None:
        pass


@pytest.fixture
def db() -> Iterator[Any]:
    watch_pending()
    session = orm.new_session_factory(url="sqlite:///:memory:")()
    yield session
    session.close()
    pending_servers.clear()


def fill(db: Any, running: int, stopped: int = 0) -> None:
    for number in range(running + stopped):
        user = orm.User(name=f"user{number}")
        server = (
            orm.Server(proto="http", ip="127.0.0.1", port=1, base_url=f"/user/user{number}/", cookie_name="") if number < running else None
        )
        db.add(orm.Spawner(name="", user=user, server=server))
    db.commit()
    db.expunge_all()


def users_of(db: Any) -> HubUsers:
    return HubUsers(lambda: db, {"spawner_class": StillSpawner})


class Queries:
    """Counts the statements that a session sends."""

    def __init__(self, db: Any) -> None:
        self.engine = db.get_bind()
        self.count = 0

    def _sent(self, *args: Any) -> None:
        # The connection is pinged at the start of each transaction.
        self.count += args[2] != "SELECT 1"

    def __enter__(self) -> Queries:
        event.listen(self.engine, "before_cursor_execute", self._sent)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._sent)


def test_the_count_is_upstreams_through_the_life_of_a_server(db: Any) -> None:
    fill(db, 3, 2)
    db.add(orm.Service(name="shown", server=orm.Server(ip="127.0.0.1", port=2, base_url="/services/shown/")))
    db.commit()
    users = users_of(db)
    spawners = [users[f"user{number}"].spawner for number in range(5)]

    def check() -> dict[str, int]:
        counts = users.count_active_users()
        assert {k: v for k, v in counts.items() if v} == {k: v for k, v in UserDict.count_active_users(users).items() if v}
        return counts

    assert check()["ready"] == 3
    for flag in FLAGS:
        for spawner in (spawners[0], spawners[4]):
            setattr(spawner, flag, True)
        assert check()["pending"] == 2
        for spawner in (spawners[0], spawners[4]):
            setattr(spawner, flag, False)
        assert check()["active"] == 3
    spawners[4]._spawn_pending = True
    spawners[4].server = jupyterhub.objects.Server(
        orm_server=orm.Server(proto="http", ip="127.0.0.1", port=1, base_url="/user/user4/", cookie_name="")
    )
    check()
    spawners[4]._spawn_pending = False
    assert check()["ready"] == 4
    spawners[0]._stop_pending = True
    spawners[0].server = None
    check()
    spawners[0]._stop_pending = False
    assert check() == {"active": 3, "ready": 3}


def test_counting_looks_at_no_server_that_just_runs(db: Any) -> None:
    fill(db, 50)
    users = users_of(db)
    for number in range(50):
        assert users[f"user{number}"].running
    users["user0"].spawner._spawn_pending = True
    looks = []

    class Watched(StillSpawner):
        @property
        def server(self) -> Any:
            looks.append(self)
            return super().server

    for user in users.values():
        user.spawner.__class__ = Watched
    with Queries(db) as queries:
        assert users.count_active_users()["active"] == 50
    assert len(looks) == 1
    assert queries.count == 1


def test_the_flags_are_those_of_which_upstream_makes_pending() -> None:
    source = inspect.getsource(Spawner.pending.fget)
    assert sorted(part.split(":")[0] for part in source.split("self.")[1:]) == sorted(FLAGS)


@pytest.mark.parametrize(
    ("function", "digest"),
    [
        (JupyterHub.init_spawners, "4fcb1886e451"),
        (UserDict.count_active_users, "ec675f883c8e"),
        (UserDict.__getitem__, "8f6ae8321e98"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_what_we_repeat_or_rely_on_is_as_it_was_upstream(function: Any, digest: str) -> None:
    """If this fails, compare the new source with `hub/app.py` and `hub/users.py`, see docs/dev/upstream.md, and note the new digest."""
    assert hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12] == digest, jupyterhub.__version__


def hub_with(db: Any) -> Any:
    hub = LabyardHub(authenticator=DummyAuthenticator())
    hub.db = db
    hub.tornado_settings = {"spawner_class": StillSpawner}
    return hub


async def test_homes_of_removed_people_are_looked_at_in_the_hubs_own_loop_whatever_becomes_of_the_rest(db: Any) -> None:
    class Away:
        async def get_all_routes(self) -> None:
            raise ConnectionError

    class Kept:
        sweeps = 0

        async def sweep(self) -> None:
            self.sweeps += 1

    assert "self.update_last_activity" in inspect.getsource(JupyterHub.start)
    hub, kept = hub_with(db), Kept()
    hub.proxy, hub.tornado_settings = Away(), {REMOVED_PEOPLE: kept}
    with pytest.raises(ConnectionError):
        await hub.update_last_activity()
    assert kept.sweeps == 1


@pytest.fixture
async def listening() -> Any:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_reading_the_running_servers_takes_a_query_for_some_of_them(db: Any, listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(db, 10 * CHUNK, 5)
    db.query(orm.Server).update({"port": listening})
    db.commit()
    monkeypatch.setattr(StillSpawner, "start_polling", lambda _: None)
    hub = hub_with(db)
    with Queries(db) as queries:
        assert await hub.init_spawners() == 10 * CHUNK
    assert queries.count <= 10 * 5 + 3
    assert hub.users.complete.is_set()
    assert len(hub.users) == 10 * CHUNK
    assert hub.users.count_active_users() == {"active": 10 * CHUNK, "ready": 10 * CHUNK}


async def test_a_server_that_died_meanwhile_is_stopped(db: Any, listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(db, 2)
    db.query(orm.Server).update({"port": listening})
    db.commit()
    monkeypatch.setattr(StillSpawner, "start_polling", lambda _: None)

    async def poll(self: Any) -> int | None:
        return 1 if self.user.name == "user1" else None

    monkeypatch.setattr(StillSpawner, "poll", poll)
    hub = hub_with(db)
    await hub.init_spawners()
    assert hub.users["user0"].spawner.ready
    assert not hub.users["user1"].spawner.active
    assert db.query(orm.Server).count() == 1


def test_whoever_is_asked_for_is_there_with_their_running_server(db: Any) -> None:
    """Also before the hub has read all: a second start beside a server that runs would be the end of it."""
    fill(db, 2)
    users = users_of(db)
    row = db.query(orm.User).filter_by(name="user1").one()
    for key in (row, "user1", row.id):
        users.clear()
        assert users[key].spawners[""].ready
        assert users[key].running
