"""The sign-in page, and signing out."""

from __future__ import annotations

import contextlib
from typing import Any

from jupyterhub.handlers.login import LoginHandler, LogoutHandler
from jupyterhub.utils import new_token
from tornado import web

from labyard.exceptions import LabyardError
from labyard_hub.domain.names import MAX_NAME_LENGTH
from labyard_hub.hub_process.pages.confirm import note_confirmation

__all__ = ["SignInHandler", "SignOutHandler"]

WRONG = "Wrong user name or password."
"""One sentence for every case: it does not tell whether there is such a user."""


class SignInHandler(LoginHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """The sign-in form; where one goes next is checked by JupyterHub and stays on this host."""

    def set_default_headers(self) -> None:
        """Keep the form with its XSRF token out of every cache."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def _page(self, **names: Any) -> None:
        needs_setup = False
        with contextlib.suppress(LabyardError):  # the form is of use without the hint
            needs_setup = await self.authenticator.identity.call(self.authenticator.identity.store.needs_setup)
        self.finish(await self._render(needs_setup=needs_setup, **names))

    async def get(self) -> None:
        """Show the form, or go on if this browser is signed in."""
        if self.current_user:
            await super().get()
            return
        await self._page(username=self.get_argument("username", "")[:MAX_NAME_LENGTH])

    async def post(self) -> None:
        """Sign in."""
        data = {
            "username": self.get_body_argument("username", "", strip=True),
            "password": self.get_body_argument("password", "", strip=False),
        }
        user = await self.login_user(data)
        if user is None:
            self.set_status(403)
            await self._page(login_error=WRONG, username=data["username"][:MAX_NAME_LENGTH])
            return
        self._jupyterhub_user = user
        note_confirmation(self, user.name)
        self.redirect(self.get_next_url(user))


class SignOutHandler(LogoutHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Signs out by POST, or by a link of our own pages; a link on a stranger's page only asks."""

    @property
    def _asked_here(self) -> bool:
        return self.request.headers.get("Sec-Fetch-Site") in ("same-origin", "none")

    async def default_handle_logout(self) -> None:
        """Sign out, and make every copy of the session's cookie worthless.

        JupyterHub's cookie holds a number of the person, the same in all their browsers, so the others sign in again too.
        """
        user = self.current_user
        await super().default_handle_logout()
        if user is not None:
            user.orm_user.cookie_id = new_token()
            self.db.commit()

    async def get(self) -> None:
        """Sign out, or ask first."""
        if self.current_user is None or self._asked_here:
            await super().get()
        else:
            self.finish(await self.render_template("logout.html", ask=True))

    async def post(self) -> None:
        """Sign out."""
        await super().get()

    async def render_logout_page(self) -> None:
        """Say that it is done, and what goes on."""
        self.finish(await self.render_template("logout.html", ask=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Offer the form again where the XSRF token was too old."""
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, web.HTTPError) and status_code == 403 and self.request.method == "POST":
            self.write(self.render_template("logout.html", sync=True, ask=self.current_user is not None))
        else:
            super().write_error(status_code, **kwargs)
