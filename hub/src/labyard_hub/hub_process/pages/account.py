"""A signed-in person's own account: the password."""

from __future__ import annotations

from typing import Any

from tornado import web

from labyard.exceptions import LabyardError
from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.hub_process.pages.join import MISMATCH
from labyard_hub.storage.identity import User
from labyard_hub.storage.identity_errors import PasswordRefusedError

__all__ = ["AccountHandler"]


class AccountHandler(Page):
    """Shows the account and changes the password, which ends all other sessions."""

    async def _me(self) -> User:
        user = await self.identity.call(self.store.get_user, self.current_user.name)
        if user is None:
            raise web.HTTPError(403, "This account was removed.")
        return user

    async def _form(self, **names: Any) -> None:
        await self.page("account.html", account=await self._me(), minimum=self.authenticator.settings.minimum_password_length, **names)

    @web.authenticated
    async def get(self) -> None:
        """Show the page."""
        await self._form(changed=self.get_query_argument("changed", "") == "1")

    @web.authenticated
    async def post(self) -> None:
        """Change the password."""
        new = self.field("password", strip=False)
        name = self.current_user.name
        try:
            limit = (f"account {name}", self.authenticator.settings.attempts_per_user)
            async with self.authenticator.throttle.attempt([limit]) as attempt:
                attempt.succeeded = await self.identity.hashing(self.store.verify, name, self.field("current", strip=False)) is not None
            if not attempt.succeeded:
                await self._form(status=403, at="current", problem="This is not your present password.")
                return
            if new != self.field("again", strip=False):
                raise PasswordRefusedError(MISMATCH)
            await self.identity.hashing(self.store.set_password, name, new)
        except PasswordRefusedError as error:
            await self._form(status=error.status_code, at="password", problem=error.message)
            return
        except LabyardError as error:
            raise http_error(error) from error
        self.end_sessions(self.current_user)
        await self.sign_in_as(await self._me())
        self.redirect(self.hub_link("account") + "?changed=1")
