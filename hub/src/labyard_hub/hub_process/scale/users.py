"""The users whom the hub holds in memory: their servers come with them, and counting them costs the same however many there are.

JupyterHub looks at every server of every user whenever one is started (6.1.1, `UserDict.count_active_users`), and needs all of them in memory before it may answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from weakref import WeakSet

from jupyterhub import orm
from jupyterhub.spawner import Spawner
from jupyterhub.user import User, UserDict
from sqlalchemy import func, select

__all__ = ["HubUser", "HubUsers", "pending_servers", "watch_pending"]

FLAGS = ("_spawn_pending", "_stop_pending", "_check_pending", "_rename_pending")
"""What `Spawner.pending` is made of; a test says when upstream adds one."""

pending_servers: WeakSet[Any] = WeakSet()
"""The servers of which something is under way, or was until a moment ago."""


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


class HubUser(User):  # type: ignore[misc]  # jupyterhub carries no types
    """A user with all their running servers in memory."""

    def __init__(self, orm_user: Any, settings: Any = None, db: Any = None) -> None:
        super().__init__(orm_user, settings, db)
        for name, orm_spawner in self.orm_user.orm_spawners.items():
            if orm_spawner.server is not None:
                self.spawners[name]  # it is made when it is asked for


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

    def from_orm(self, orm_user: Any) -> HubUser:
        """Return a new wrapper of `orm_user`."""
        return HubUser(orm_user, self.settings)

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
