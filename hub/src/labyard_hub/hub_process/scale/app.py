"""JupyterHub with what thousands of running servers need changed: it answers before it has looked after them, and looks after them in the background.

Upstream (6.1.1) holds every answer back until each server is in memory, asks the database for each one by itself, and each server by HTTP, all at once.
What stands here repeats `JupyterHub.init_spawners`; a test says when that changes upstream.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import urlsplit

from labyard.late_imports import put_off_address_grammar

put_off_address_grammar()

# ruff: noqa: E402  JupyterHub comes after
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.metrics import RUNNING_SERVERS
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload, sessionmaker
from traitlets import Dict, default

from labyard_hub.domain.groups import tell_empty_groups
from labyard_hub.hub_process.logs import SecretFreeFormatter
from labyard_hub.hub_process.pages.confirm import confirmed_handlers
from labyard_hub.hub_process.removed_people import REMOVED_PEOPLE
from labyard_hub.hub_process.scale.database import rows_alone, tune_sqlite
from labyard_hub.hub_process.scale.database_errors import PatientSession
from labyard_hub.hub_process.scale.users import HubUsers, watch_pending

__all__ = ["LabyardHub", "main"]

CHUNK = 10
"""Users who are read at once; the event loop is free after each such number."""

CONNECT_TIMEOUT_SECONDS = 5


class LabyardHub(JupyterHub):  # type: ignore[misc]  # jupyterhub carries no types
    """The hub of a platform."""

    name = "jupyterhub"
    _log_formatter_cls = SecretFreeFormatter

    groups_asked_for = Dict(config=True, help="The groups that profiles and quotas name, each with a setting that does.")

    @default("users")
    def _our_users(self) -> HubUsers:
        return HubUsers(db_factory=lambda: self.db, settings=self.tornado_settings)

    def init_handlers(self) -> None:
        """Put what gives rights away behind a confirmation where servers share the hub's origin."""
        super().init_handlers()
        if not self.subdomain_host:
            self.handlers: Any = confirmed_handlers(self.handlers)

    def init_db(self) -> None:
        """Open the database with sessions that outlast a full disk."""
        super().init_db()
        self.session_factory: Any = sessionmaker(class_=PatientSession, bind=self.db.get_bind(), expire_on_commit=False)
        self.db: Any = self.session_factory()

    async def update_last_activity(self) -> None:
        """Do what is due once a minute: note who was active, and delete the homes of removed people whose time is over."""
        try:
            await super().update_last_activity()
        finally:
            await self.tornado_settings[REMOVED_PEOPLE].sweep()

    async def init_users(self) -> None:
        """Compare the hub's users with the authenticator's; ours for names and passwords looks all of them up at once."""
        look_up_all = getattr(self.authenticator, "look_up_all", contextlib.nullcontext)
        async with look_up_all():
            with rows_alone(self.db):
                await super().init_users()

    async def init_groups(self) -> None:
        """Make the groups that an operator's own file names, and tell of those that are asked for in vain."""
        await super().init_groups()
        for sentence in tell_empty_groups(self.groups_asked_for, set(self.db.scalars(select(orm.Group.name)))):
            self.log.warning(sentence)

    async def init_spawners(self) -> int:
        """Read the running servers, and look whether they do run."""
        number = 0
        try:
            async for users in self._running_users():
                servers = [(user, name, server) for user in users for name, server in user.spawners.items() if not server.pending]
                number += len(servers)
                await asyncio.gather(*(self._check(*server) for server in servers))
        finally:
            self.users.complete.set()
        self.db.commit()
        RUNNING_SERVERS.set(self.users.count_active_users()["active"])
        # Python's collector looks through all objects now and then, and the event loop waits. It passes by what is here now.
        gc.freeze()
        return number

    async def _running_users(self) -> AsyncIterator[Iterable[Any]]:
        query = self.db.query(orm.Spawner.user_id).filter(orm.Spawner.server != None).distinct()  # noqa: E711  # SQLAlchemy's way to say it
        identifiers = [row[0] for row in query.order_by(orm.Spawner.user_id)]
        for start in range(0, len(identifiers), CHUNK):
            some = self.db.query(orm.User).filter(orm.User.id.in_(identifiers[start : start + CHUNK]))
            rows = some.options(selectinload(orm.User._orm_spawners).options(joinedload(orm.Spawner.server))).all()  # noqa: SLF001
            yield [self.users[row] for row in rows]
            await asyncio.sleep(0)

    async def _check(self, user: Any, name: str, spawner: Any) -> None:
        """Look after a server that ran when the last hub ended."""
        if spawner.server is None:
            return
        spawner._check_pending = True  # noqa: SLF001
        try:
            if user.name in self.authenticator.blocked_users:
                self.log.warning("stopping the server of the blocked user %s", user.name)
                await user.stop(name)
            elif await self._runs(user, spawner):
                self.log.debug("%s still running", spawner._log_name)  # noqa: SLF001
                spawner.add_poll_callback(self._server_ended, user, name)
                spawner.start_polling()
            else:
                self.log.warning("%s appears to have stopped while the hub was down", spawner._log_name)  # noqa: SLF001
                await user.stop(name)
        except Exception:
            self.log.exception("could not look after %s", spawner._log_name)  # noqa: SLF001
        finally:
            spawner._check_pending = False  # noqa: SLF001

    async def _runs(self, user: Any, spawner: Any) -> bool:
        try:
            if await spawner.poll() is not None:
                return False
        except Exception:
            self.log.exception("could not poll %s, which is taken to be gone", spawner._log_name)  # noqa: SLF001
            return False
        self._note_address(spawner, await spawner.get_url())
        address = urlsplit(spawner.server.url)
        if await _accepts(address.hostname or "", address.port or 0):
            return True
        # It may be about to: this asks by HTTP, for as long as a start may take, and stops it after that.
        try:
            await user._wait_up(spawner)  # noqa: SLF001
        except TimeoutError:
            return False
        return True

    def _note_address(self, spawner: Any, url: str) -> None:
        """Correct the address where the spawner knows another, as upstream does."""
        if url == spawner.server.url:
            return
        self.log.warning("%s is at %s, not at %s", spawner._log_name, url, spawner.server.url)  # noqa: SLF001
        address = urlsplit(url)
        server = spawner.server
        server.proto, server.ip = address.scheme, address.hostname or ""
        server.port = address.port or {"http": 80, "https": 443}.get(address.scheme, 0)
        self.db.commit()

    async def _server_ended(self, user: Any, name: str) -> None:
        self.log.warning("the server %s of %s ended", name or "(default)", user.name)
        await self.proxy.delete_user(user, name)
        await user.stop(name)


async def _accepts(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def main() -> None:
    """Run the hub."""
    tune_sqlite()
    watch_pending()
    LabyardHub.launch_instance(sys.argv[1:])


if __name__ == "__main__":
    main()
