"""The hub's users by the thousands: what counting and reading them costs, in looks and queries, and that it is what upstream would say."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jupyterhub
import pytest
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import Spawner
from jupyterhub.user import User, UserDict
from sqlalchemy import event

from labyard_hub.hub_plugins.hub.app import CHUNK, LabyardHub
from labyard_hub.hub_plugins.hub.users import CALM_PASSES, FLAGS, HubUsers, Turns, pending_servers, requests_in_turn, watch_pending


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
        (User.spawn, "890673db0a1e"),
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


async def test_starts_that_come_together_let_others_through() -> None:
    turns = Turns()
    order: list[str] = []

    async def start(number: int) -> None:
        await turns.take()
        order.append(f"start {number}")

    async def request() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        order.append("request")

    await asyncio.gather(*(start(number) for number in range(10)), request())
    assert order.index("request") <= 4
    assert len(order) == 11


@pytest.mark.parametrize(
    ("pass_milliseconds", "passes"),
    [
        ([0.1], CALM_PASSES),
        ([3, 0.1], 1 + CALM_PASSES),
        ([0.1, 0.1, 3, 0.1], 3 + CALM_PASSES),
        ([1], 10),  # never calm: the start is not put off for ever
        ([25], 1),
    ],
)
async def test_a_turn_begins_when_the_loop_is_calm_or_after_a_while(pass_milliseconds: list[float], passes: int) -> None:
    clock = itertools.accumulate(itertools.chain([0], pass_milliseconds, itertools.repeat(pass_milliseconds[-1])))
    turns = Turns(clock=lambda: next(clock) / 1000 + 1e-9)
    taken = asyncio.create_task(turns.take())
    seen = 0
    while not taken.done():
        await asyncio.sleep(0)
        seen += 1
    # One more before it begins, and one until its end is seen.
    assert seen in (passes + 1, passes + 2)


async def test_requests_for_starts_that_come_together_are_prepared_in_turn(db: Any) -> None:
    users = HubUsers(lambda: db, {})
    order: list[str] = []

    class Base:
        def __init__(self, method: str) -> None:
            self.request, self.users = SimpleNamespace(method=method), users

        async def prepare(self) -> None:
            order.append(self.request.method)

    class Handler(Base):
        pass

    for _ in range(2):
        requests_in_turn(Handler)
    rested: list[int] = []

    async def ask() -> None:
        await Handler("POST").prepare()
        rested.append(order.count("POST"))

    await asyncio.gather(*(ask() for _ in range(10)), Handler("GET").prepare())
    assert order.index("GET") <= 1
    assert order.count("POST") == 10
    # Between finding whose request it is and the rest, another has its turn.
    assert rested[0] > 1


async def test_nothing_of_a_start_is_uncommitted_while_it_waits_for_its_turn(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterHub rolls the session back, which all share, whenever a request ends with something uncommitted."""
    fill(db, 0, 1)
    db.add(orm.Role(name="server", scopes=["users:activity!user"]))
    db.add(orm.OAuthClient(identifier="jupyterhub"))
    db.commit()
    users = HubUsers(lambda: db, {"spawner_class": StillSpawner, "internal_ssl": False})
    user = users["user0"]
    monkeypatch.setattr(StillSpawner, "start_polling", lambda _: None)
    monkeypatch.setattr(User, "_wait_up", lambda *_: asyncio.sleep(0))

    async def others_end() -> None:
        while True:
            assert not db.dirty
            assert not db.new
            db.rollback()
            await asyncio.sleep(0)

    others = asyncio.create_task(others_end())
    starting = asyncio.create_task(user.spawn())
    await asyncio.wait((others, starting), return_when=asyncio.FIRST_COMPLETED)
    assert others.done() is False, others.exception()
    others.cancel()
    await starting
    assert user.spawner.server.port == 1
