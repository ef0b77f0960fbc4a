"""What our pages share."""

from __future__ import annotations

import time
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import new_token, url_path_join
from tornado import web

from labyard.exceptions import LabyardError
from labyard_hub.hub_process.identity import AsyncIdentity
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.hub_process.starting.last_start import mark_fresh
from labyard_hub.storage.identity import IdentityStore, User

__all__ = ["Page"]

MAX_FIELD_LENGTH = 4096


class Page(BaseHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """A page with forms.

    JupyterHub checks the XSRF token of every POST before the handler runs.
    """

    @property
    def identity(self) -> AsyncIdentity:
        """The identity store."""
        identity: AsyncIdentity = self.authenticator.identity
        return identity

    @property
    def store(self) -> IdentityStore:
        """The store itself, whose methods block: hand them to `identity`."""
        return self.identity.store

    def set_default_headers(self) -> None:
        """Keep what the page says out of every cache."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def field(self, name: str, *, strip: bool = True) -> str:
        """Return a field of the form, empty where it is missing."""
        value: str = self.get_body_argument(name, "", strip=strip)
        if len(value) > MAX_FIELD_LENGTH:
            raise web.HTTPError(400, "the field %s is too long", name)
        return value

    async def page(self, template: str, *, status: int = 200, **names: Any) -> None:
        """Answer with a page."""
        self.set_status(status)
        self.finish(await self.render_template(template, **names))

    def hub_link(self, *parts: str) -> str:
        """Return the path of a page of the hub."""
        path: str = url_path_join(self.hub.base_url, *parts)
        return path

    def public_link(self, path: str) -> str:
        """Return the whole address of `path`, for a person who is not here yet."""
        public = self.settings.get("public_url")
        origin = f"{public.scheme}://{public.netloc}" if public else f"{self.request.protocol}://{self.request.host}"
        return origin + path

    async def sign_in_as(self, user: User) -> None:
        """Sign this browser in as `user`, who has just proved who they are."""
        hub_user = await self.auth_to_user({"name": user.name, "admin": user.admin})
        await self.authenticator.signed_in(self, user)
        self.set_login_cookie(hub_user)
        mark_fresh(hub_user, time.monotonic())

    def end_sessions(self, hub_user: Any) -> None:
        """End every session of a user in every browser. Tokens that they made for programs stay."""
        hub_user.orm_user.cookie_id = new_token()
        for token in self.db.query(orm.APIToken).filter_by(user_id=hub_user.id):
            if token.session_id:  # it came from a browser's visit to a server or a service
                self.db.delete(token)
        self.db.commit()

    async def require_admin(self) -> User:
        """Return the visitor if they administer, asked of where names are kept: who no longer does is out at once.

        Raises
        ------
        tornado.web.HTTPError
            403 for everybody else.
        """
        try:
            user: User | None = await self.authenticator.find_person(self.db, self.current_user.name)
        except LabyardError as error:
            raise http_error(error) from error
        if user is None or not user.admin:
            raise web.HTTPError(403, "Only administrators may do this. Ask one of them.")
        return user
