"""The start page."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.slugs import safe_slug
from tornado import web

from labyard_hub.hub_plugins.hub_spawners import failure

__all__ = ["StartHandler"]

INTERFACES = ("lab", "notebook")


class StartHandler(SpawnHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Shows what can be started and starts it by POST; a GET starts nothing, so no link can."""

    @web.authenticated
    async def get(self, user_name: str | None = None, server_name: str = "") -> None:
        """Show the page, or go to the server that runs."""
        await self._get(user_name=user_name or self.current_user.name, server_name=server_name or "")

    @needs_scope("servers")  # type: ignore[untyped-decorator]  # jupyterhub carries no types
    async def _get(self, user_name: str, server_name: str) -> None:
        user = self._owner(user_name)
        new = self.get_query_argument("new", "") == "1"
        spawner = user.spawners[server_name] if not server_name or server_name in user.orm_spawners else None
        if spawner is not None and not new:
            if spawner.ready:
                self.redirect(self.get_next_url(user, default=user.server_url(server_name)))
                return
            if spawner.active:
                self.redirect(self._get_pending_url(user, server_name))
                return
        await self._form(user, server_name, new=new, interface=self.get_query_argument("opt-interface", "lab"))

    async def _form(
        self, user: Any, server_name: str, *, new: bool, interface: str, status: int = 200, problem: str = "", at: str = "", name: str = ""
    ) -> None:
        self.set_status(status)
        self.finish(
            await self.render_template(
                "spawn.html",
                for_user=user,
                server_name=server_name,
                new=new,
                interface=interface,
                problem=problem,
                at=at,
                typed_name=name[:60],
                next=self._validate_next_url(self.get_argument("next", "")),
            )
        )

    @web.authenticated
    async def post(self, user_name: str | None = None, server_name: str = "") -> None:
        """Start a server."""
        await self._post(user_name=user_name or self.current_user.name, server_name=server_name or "")

    @needs_scope("servers")  # type: ignore[untyped-decorator]  # jupyterhub carries no types
    async def _post(self, user_name: str, server_name: str) -> None:
        user = self._owner(user_name)
        display_name = self.get_body_argument("name", "")
        interface = self.get_body_argument("interface", "lab")
        new = not server_name and self.get_body_argument("new", "") == "1"
        try:
            if new:
                server_name = self._new_name(user, display_name)
            if server_name:
                await self._check_named_server_request(user, server_name, display_name or server_name)
            if interface not in INTERFACES:
                raise web.HTTPError(400, "There is no such interface: choose Lab or Notebook.")
        except web.HTTPError as error:
            at = "name" if new else ""
            await self._form(
                user, "" if new else server_name, new=new, interface="lab",
                status=error.status_code, problem=error.get_message() or "", at=at, name=display_name,
            )  # fmt: skip
            return
        await self._start(user, server_name, display_name or server_name, {"interface": interface})

    async def _start(self, user: Any, server_name: str, display_name: str, options: dict[str, Any]) -> None:
        spawner = user.get_or_create_spawner(server_name, display_name, replace_failed=True)
        pending_url = self._get_pending_url(user, server_name)
        if spawner.ready:
            self.redirect(self.get_next_url(user, default=user.server_url(server_name)))
            return
        if spawner.pending:
            self.redirect(pending_url)
            return
        try:
            await self._wrap_spawn_single_user(user, server_name, display_name, spawner, pending_url, options)
        except web.HTTPError as error:
            if failure(user.spawners[server_name]) is not None:
                self.redirect(pending_url)  # it shows the reason, the log and the way out
                return
            for name, value in (getattr(error, "headers", None) or {}).items():
                self.set_header(name, value)
            problem = error.get_message() or "It could not be started."
            await self._form(user, server_name, new=False, interface=options["interface"], status=error.status_code, problem=problem)

    def _owner(self, user_name: str) -> Any:
        user = self.current_user if user_name == self.current_user.name else self.find_user(user_name)
        if user is None:
            raise web.HTTPError(404, "There is no such user.")
        return user

    def _new_name(self, user: Any, display_name: str) -> str:
        """Return the name for a new server, made of what the person typed."""
        if not display_name.strip():
            raise web.HTTPError(400, "Give the server a name, such as 'gpu tests'.")
        name: str = safe_slug(display_name, avoid_collisions=False)
        if name == "default" or name in user.orm_spawners:
            raise web.HTTPError(409, "There is a server of this name: choose another name.")
        return name
