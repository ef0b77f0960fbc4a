"""The home page, and the forms on it that stop and delete servers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jupyterhub import orm
from jupyterhub.scopes import needs_scope
from tornado import web

from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.servers import view_servers
from labyard_hub.hub_process.pages.texts import greeting
from labyard_hub.hub_process.starting.last_start import cancel_start

__all__ = ["DeleteServerHandler", "HomeHandler", "StopServerHandler"]


class HomeHandler(Page):
    """A person's servers, and one click into JupyterLab."""

    @web.authenticated
    async def get(self) -> None:
        """Show the page."""
        user = self.current_user
        for spawner in list(user.spawners.values()):
            if spawner.ready:
                await spawner.poll_and_notify()  # notices one that died
        servers = view_servers(user)
        named = len(servers) - 1
        limit = await self.get_current_user_named_server_limit()
        await self.page(
            "home.html",
            servers=servers,
            default=servers[0],
            visited=self._visited([one.name for one in servers if one.state == "running"]),
            first_time=all(one.state == "stopped" and not one.facts for one in servers),
            may_add=self.allow_named_servers and (limit <= 0 or named < limit),
            greeting=greeting(datetime.now().astimezone().hour),
        )

    def _visited(self, names: list[str]) -> list[str]:
        """Return the servers that this browser session has opened: only those answer it without asking who it is first."""
        user, session = self.current_user, self.get_session_cookie()
        tokens = self.db.query(orm.APIToken.client_id).filter_by(user_id=user.id, session_id=session) if session else ()
        clients = {client for (client,) in tokens}
        return [name for name in names if user.spawners[name].oauth_client_id in clients]


class _ServerForm(Page):
    """A form that does something to one server, then goes back to the page that it was on."""

    def _server(self, user_name: str, server_name: str) -> tuple[Any, Any]:
        user = self.find_user(user_name)
        if user is None or (server_name and server_name not in user.orm_spawners):
            raise web.HTTPError(404, "There is no such server.")
        return user, user.spawners[server_name]

    def _back(self) -> None:
        self.redirect(self._validate_next_url(self.field("next")) or self.hub_link("home"))


class StopServerHandler(_ServerForm):
    """Stops a server, also one that is starting."""

    @web.authenticated
    async def post(self, user_name: str, server_name: str = "") -> None:
        """Stop it."""
        await self._stop(user_name=user_name, server_name=server_name or "")

    @needs_scope("delete:servers")  # type: ignore[untyped-decorator]  # jupyterhub carries no types
    async def _stop(self, user_name: str, server_name: str) -> None:
        user, spawner = self._server(user_name, server_name)
        if spawner.pending == "spawn":
            await cancel_start(spawner)
        if spawner.active and spawner.pending is None:
            await self.stop_single_user(user, server_name)
        self._back()


class DeleteServerHandler(_ServerForm):
    """Deletes a named server that is not running; the files are the person's and stay."""

    @web.authenticated
    async def post(self, user_name: str, server_name: str) -> None:
        """Delete it."""
        await self._delete(user_name=user_name, server_name=server_name)

    @needs_scope("delete:servers")  # type: ignore[untyped-decorator]  # jupyterhub carries no types
    async def _delete(self, user_name: str, server_name: str) -> None:
        user, spawner = self._server(user_name, server_name)
        if spawner.active:
            raise web.HTTPError(409, "The server is running: stop it first.")
        await user._delete_spawner(spawner)  # noqa: SLF001  # JupyterHub has no public name for it
        self.db.delete(spawner.orm_spawner)
        user.spawners.pop(server_name, None)
        self.db.commit()
        self._back()
