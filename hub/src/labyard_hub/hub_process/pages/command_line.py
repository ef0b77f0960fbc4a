"""The hub's part of the command line's login: the question whether it may act for somebody, and the end of its token."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from labyard_hub.domain.command_line import LOGIN_CLIENT_ID
from labyard_hub.hub_process.pages.texts import span
from labyard_hub.hub_process.pages.visits import ConsentHandler

__all__ = ["AuthorizeHandler", "LoginTokenHandler"]

MAX_HOST_LENGTH = 64


class AuthorizeHandler(ConsentHandler):
    """Asks about the command line each time, also where somebody agreed before: its login may begin with a link that a stranger sent."""

    @property
    def _by_command_line(self) -> bool:
        return bool(self.get_argument("client_id", "") == LOGIN_CLIENT_ID)

    def needs_oauth_confirm(self, user: Any, oauth_client: Any, requested_scopes: Any) -> bool:
        """Return whether to ask."""
        return bool(oauth_client.identifier == LOGIN_CLIENT_ID or super().needs_oauth_confirm(user, oauth_client, requested_scopes))

    def add_credentials(self, credentials: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the token will be bound to: the command line's to no browser's session, so that signing out of the browser does not end it."""
        found: dict[str, Any] = super().add_credentials(credentials)
        if self._by_command_line:
            found["session_id"] = None
        return found

    def render_template(self, name: str, sync: bool = False, **names: Any) -> Any:
        """Tell the page about the command line."""
        if name == "oauth.html" and self._by_command_line:
            names["command_line"] = {
                "host": self.get_argument("host", "")[:MAX_HOST_LENGTH] or "an unnamed machine",
                "state": self.get_argument("state", ""),
                "lifetime": _lifetime(self.settings["cookie_max_age_days"]),
            }
        return super().render_template(name, sync, **names)


def _lifetime(days: float) -> str:
    """Return how long tokens of the hub's OAuth live, in whole words."""
    return "one day" if days == 1 else f"{int(days)} days" if days > 1 else span(days * 86400)


class LoginTokenHandler(APIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """The token that a request carries; anyone who holds it may end it, as by RFC 7009."""

    def delete(self) -> None:
        """End it, if it is one of the command line's."""
        token = orm.APIToken.find(self.db, self.get_auth_token() or "")
        if token is None or token.user is None:
            raise web.HTTPError(403)
        if token.client_id != LOGIN_CLIENT_ID:
            raise web.HTTPError(409, "this token was not made by a login of the command line")
        self.db.delete(token)
        self.db.commit()
        self.set_status(204)
