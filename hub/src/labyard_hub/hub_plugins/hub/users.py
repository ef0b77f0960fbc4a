"""The users whom the hub holds in memory: their servers come with them, and counting them costs the same however many there are.

JupyterHub looks at every server of every user whenever one is started (6.1.1, `UserDict.count_active_users`), and needs all of them in memory before it may answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet

from jupyterhub import orm
from jupyterhub.spawner import Spawner
from jupyterhub.user import User, UserDict
from jupyterhub.utils import maybe_future
from sqlalchemy import func, select

__all__ = ["HubUser", "HubUsers", "is_quiet", "pending_servers", "requests_in_turn", "watch_pending"]

FLAGS = ("_spawn_pending", "_stop_pending", "_check_pending", "_rename_pending")
"""What `Spawner.pending` is made of; a test says when upstream adds one."""

pending_servers: WeakSet[Any] = WeakSet()
"""The servers of which something is under way, or was until a moment ago."""

QUICK_PASS_SECONDS = 0.0005
"""A pass of the event loop in which nobody was answered takes less."""
CALM_PASSES = 3
"""A request is answered in several passes, some of them short."""
LONGEST_WAIT_SECONDS = 0.01
"""A start asks for some seven turns: where the loop is never calm, it waits so long for each."""


class _Flag:
    """One of the flags of a spawner, which notes the spawner when it is set."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, spawner: Any, owner: Any = None) -> Any:
        return False if spawner is None else spawner.__dict__.get(self.name, False)

    def __set__(self, spawner: Any, value: Any) -> None:
        spawner.__dict__[self.name] = value
        if value:
            pending_servers.add(spawner)


def watch_pending() -> None:
    """Make every spawner tell `pending_servers` when something of it is under way. Calling it again changes nothing."""
    for name in FLAGS:
        if not isinstance(Spawner.__dict__.get(name), _Flag):
            setattr(Spawner, name, _Flag(name))


def is_quiet() -> bool:
    """Whether no server is being started, stopped or looked for."""
    return not any(spawner.pending for spawner in list(pending_servers))


class Turns:
    """Lets starts begin one at a time, each part of them when the event loop has done what else there was.

    The request for a start keeps the loop for some 5 ms, and its beginning for three times 4. Of thirty that come together each waited for all, and so did every other request.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._lock = asyncio.Lock()
        self._clock = clock

    async def take(self) -> None:
        """Wait for one's turn, and until the loop is calm, but not long."""
        async with self._lock:
            calm = 0
            now = self._clock()
            latest = now + LONGEST_WAIT_SECONDS
            while calm < CALM_PASSES and now < latest:
                began = now
                await asyncio.sleep(0)
                now = self._clock()
                calm = calm + 1 if now - began < QUICK_PASS_SECONDS else 0


def requests_in_turn(handler_class: Any) -> None:
    """Make POST requests of `handler_class`, which start servers, wait for their turn before it is looked up whose they are, and for another before the rest. Calling it again changes nothing."""

    async def prepare(handler: Any) -> None:
        starts = handler.request.method == "POST"
        if starts:
            await handler.users.take_turn()
        await super(handler_class, handler).prepare()
        if starts:
            await handler.users.take_turn()

    if "prepare" not in handler_class.__dict__:
        handler_class.prepare = prepare


class HubUser(User):  # type: ignore[misc]  # jupyterhub carries no types
    """A user with all their running servers in memory."""

    def __init__(self, orm_user: Any, settings: Any = None, db: Any = None, *, turns: Turns | None = None) -> None:
        super().__init__(orm_user, settings, db)
        self._turns = turns
        for name, orm_spawner in self.orm_user.orm_spawners.items():
            if orm_spawner.server is not None:
                self.spawners[name]  # it is made when it is asked for

    async def spawn(self, *args: Any, **kwargs: Any) -> Any:
        """Start a server once it is this one's turn."""
        await self._take_turn()
        return await super().spawn(*args, **kwargs)

    async def get_auth_state(self) -> Any:
        """Return what the authenticator keeps; a start asks for it half way, and waits for another turn here."""
        await self._take_turn()
        return await super().get_auth_state()

    async def _wait_up(self, spawner: Any) -> Any:
        """Wait until the server answers; its rows are written before this, and what is after it is another turn."""
        found = await super()._wait_up(spawner)
        await self._take_turn()
        return found

    async def _take_turn(self) -> None:
        if self._turns is not None:
            await self._turns.take()

    def _new_spawner(self, *args: Any, **kwargs: Any) -> Any:
        spawner = super()._new_spawner(*args, **kwargs)
        spawner.server_token_scopes = self._in_turn(spawner.server_token_scopes)
        # The public setting of these may be no function, since it is written into the server's environment as it is.
        spawner._get_oauth_client_allowed_scopes = self._in_turn(spawner._get_oauth_client_allowed_scopes)  # noqa: SLF001
        return spawner

    def _in_turn(self, scopes: Any) -> Callable[..., Awaitable[Any]]:
        """Return what gives `scopes`, of the server's token or its OAuth client, or a function of them, as a start asks for it after rows are written, in another turn."""

        async def wait(*args: Any) -> Any:
            await self._take_turn()
            return await maybe_future(scopes(*args)) if callable(scopes) else scopes

        def give(*args: Any) -> Awaitable[Any]:
            # At once, not when the wait begins: what is not committed when another request ends is rolled back with it.
            self.db.commit()
            return wait(*args)

        return give


class HubUsers(UserDict):  # type: ignore[misc]
    """The hub's users by id.

    Attributes
    ----------
    complete
        Set once everybody whose server runs is in memory. Each of them is from the moment somebody asks for them; who goes through all waits for this.
    """

    def __init__(self, db_factory: Any, settings: Any) -> None:
        super().__init__(db_factory, settings)
        self.complete = asyncio.Event()
        self._turns = Turns()

    async def take_turn(self) -> None:
        """Wait until a start may take the event loop."""
        await self._turns.take()

    def from_orm(self, orm_user: Any) -> HubUser:
        """Return a new wrapper of `orm_user`."""
        return HubUser(orm_user, self.settings, turns=self._turns)

    def __getitem__(self, key: Any) -> HubUser:
        """Return a user by wrapper, row, name or id; KeyError for whom the database does not know."""
        if isinstance(key, orm.User):
            self.add(key)  # upstream would make a wrapper of its own class
        user: HubUser = super().__getitem__(key)
        return user

    def count_active_users(self) -> Counter[str]:
        """Count servers as upstream does: the database knows which have a server, and only those under way are looked at."""
        services = select(func.count(orm.Service.id)).where(orm.Service._server_id.is_not(None)).scalar_subquery()  # noqa: SLF001
        running = self.db.execute(select(func.count(orm.Server.id) - services)).scalar_one()
        counts = Counter({"active": running, "ready": running})
        for spawner in list(pending_servers):
            pending = spawner.pending
            if not pending:
                pending_servers.discard(spawner)
                continue
            counts["pending"] += 1
            counts[f"{pending}_pending"] += 1
            if spawner.server is None:
                counts["active"] += 1
            else:
                counts["ready"] -= 1
        return counts
