"""The start page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.slugs import safe_slug
from tornado import web

from labyard_hub.domain.profiles import USUAL_IDLE
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.refusals import StartRefusedError
from labyard_hub.hub_process.pages.start_view import idle_choices, view_profiles
from labyard_hub.hub_process.starting.decision import choose_for
from labyard_hub.hub_process.starting.grants import Starts
from labyard_hub.hub_process.starting.last_start import failure
from labyard_hub.hub_process.starting.refusals import StartRefusal

__all__ = ["StartHandler"]

FIELDS = ("profile", "interface", "idle_seconds", "safe_start")


@dataclass
class _Form:
    """What the page shows in its fields, and what is wrong with one of them."""

    name: str = ""
    asked: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    at: str = ""
    status: int = 200


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
        asked = {name: value for name in FIELDS if (value := self.get_query_argument(f"opt-{name}", ""))}
        await self._form(user, server_name, new, _Form(asked=asked))

    async def _form(self, user: Any, server_name: str, new: bool, form: _Form) -> None:
        starts = self._starts(user)
        chosen = self._shown(starts, user, server_name, form.asked)
        self.set_status(form.status)
        self.finish(
            await self.render_template(
                "spawn.html",
                for_user=user,
                server_name=server_name,
                new=new,
                form=form,
                chosen=chosen,
                profiles=[] if is_project_id(user.name) else await view_profiles(starts, user, None if new else server_name),
                idle_choices=idle_choices(starts.idle_limit_seconds, chosen.get("idle_seconds")),
                next=self._validate_next_url(self.get_argument("next", "")),
            )
        )

    @staticmethod
    def _starts(user: Any) -> Starts:
        starts: Starts = user.spawners[""].starts
        return starts

    def _shown(self, starts: Starts, user: Any, server_name: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what is preselected: what was typed where that may be, else what was chosen last."""
        for one in (asked, {}):
            try:
                return choose_for(starts, user, server_name, one).to_options()
            except StartRefusedError:
                continue
        return {}

    @web.authenticated
    async def post(self, user_name: str | None = None, server_name: str = "") -> None:
        """Start a server."""
        await self._post(user_name=user_name or self.current_user.name, server_name=server_name or "")

    @needs_scope("servers")  # type: ignore[untyped-decorator]  # jupyterhub carries no types
    async def _post(self, user_name: str, server_name: str) -> None:
        user = self._owner(user_name)
        form = _Form(self.get_body_argument("name", ""), self._asked())
        new = not server_name and self.get_body_argument("new", "") == "1"
        started = server_name
        try:
            if new:
                form.at = "name"
                started = self._new_name(user, form.name)
            if started:
                await self._check_named_server_request(user, started, form.name or started)
            form.at = ""
        except web.HTTPError as error:
            form.status, form.problem = error.status_code, error.get_message() or ""
        else:
            await self._start(user, started, form, new=new)
            return
        await self._form(user, server_name, new, form)

    def _asked(self) -> dict[str, Any]:
        asked = {name: value for name in FIELDS if (value := self.get_body_argument(name, ""))}
        if "idle_seconds" not in asked and "idle_seconds" in self.request.body_arguments:
            asked["idle_seconds"] = USUAL_IDLE  # said, and not the one from last time
        # Each profile has a list of images of its own, so that the page needs no JavaScript.
        image = self.get_body_argument(f"image-{asked.get('profile', '')}", "") or self.get_body_argument("image", "")
        if image:
            asked["image"] = image
        return asked

    async def _start(self, user: Any, server_name: str, form: _Form, *, new: bool) -> None:
        display_name = form.name or server_name
        spawner = user.get_or_create_spawner(server_name, display_name, replace_failed=True)
        pending_url = self._get_pending_url(user, server_name)
        if spawner.ready:
            self.redirect(self.get_next_url(user, default=user.server_url(server_name)))
            return
        if spawner.pending:
            self.redirect(pending_url)
            return
        try:
            await self._wrap_spawn_single_user(user, server_name, display_name, spawner, pending_url, form.asked)
        except StartRefusal as error:
            form.status, form.problem, form.at = error.status_code, error.error.message, error.error.at
            spawner._spawn_future = None  # noqa: SLF001  # JupyterHub's way to forget a failure, which the page shows at once
            if new:
                self.db.delete(user.spawners.pop(server_name).orm_spawner)
                self.db.commit()
                await self._form(user, "", True, form)
                return
        except web.HTTPError as error:
            if failure(user.spawners[server_name]) is not None:
                self.redirect(pending_url)  # it shows the reason, the log and the way out
                return
            for name, value in (getattr(error, "headers", None) or {}).items():
                self.set_header(name, value)
            form.status, form.problem = error.status_code, error.get_message() or "It could not be started."
        else:
            return
        # It is there by now, under its name.
        await self._form(user, server_name, False, form)

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
