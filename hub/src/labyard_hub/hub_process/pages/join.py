"""Pages for people who come with a link: the set-up of the first administrator, invitations, and a new password."""

from __future__ import annotations

from typing import Any, ClassVar

from tornado import web

from labyard.exceptions import LabyardError
from labyard_hub.exceptions import InvalidNameError
from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.storage.identity import User
from labyard_hub.storage.identity_errors import LinkError, LinkUnknownError, PasswordRefusedError, UserExistsError

__all__ = ["InviteHandler", "SetupHandler"]

MISMATCH = "The two passwords differ. Type the same one twice."


class _JoinHandler(Page):
    """A form that a token opens; the kinds differ in what the token is for."""

    kind: ClassVar[str]

    def set_default_headers(self) -> None:
        """Never tell another page this page's address, which holds the token."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "strict-origin")  # with `no-referrer` the form's own `Origin` would be `null`

    async def _check(self, token: str) -> dict[str, Any]:
        """Return what the form shows for a token that works; raise LinkError for one that does not."""
        raise NotImplementedError

    async def _redeem(self, token: str, name: str, password: str) -> User:
        raise NotImplementedError

    async def _open(self) -> tuple[str, dict[str, Any]] | None:
        """Return the token and what the form shows; None where the link does not work, and the page that says so has been sent."""
        token = self.get_argument("token", "")[:200]
        limit = (f"link {self.authenticator.address_bucket(self.request)}", self.authenticator.settings.attempts_per_address)
        try:
            async with self.authenticator.throttle.attempt([limit]) as attempt:
                try:
                    shown = await self._check(token)
                    attempt.succeeded = True
                except LinkError as error:
                    attempt.succeeded = not isinstance(error, LinkUnknownError)  # it was no guess
                    raise
        except LinkError as error:
            await self.page("link.html", status=error.status_code, title=error.title, text=error.message)
            return None
        except LabyardError as error:
            raise http_error(error) from error
        return token, shown

    async def _form(self, token: str, shown: dict[str, Any], *, status: int = 200, problem: str = "", at: str = "", name: str = "") -> None:
        await self.page(
            "join.html", status=status, kind=self.kind, token=token, problem=problem, at=at,
            typed_name=name[:60], minimum=self.authenticator.settings.minimum_password_length, **shown,
        )  # fmt: skip

    async def get(self) -> None:
        """Show the form, or why the link does not work."""
        opened = await self._open()
        if opened is not None:
            await self._form(*opened)

    async def post(self) -> None:
        """Choose the password, and be signed in."""
        opened = await self._open()
        if opened is None:
            return
        token, shown = opened
        name, password = self.field("name"), self.field("password", strip=False)
        try:
            if password != self.field("again", strip=False):
                raise PasswordRefusedError(MISMATCH)
            user = await self._redeem(token, name, password)
        except LinkError as error:
            await self.page("link.html", status=error.status_code, title=error.title, text=error.message)
        except (InvalidNameError, UserExistsError) as error:
            await self._form(token, shown, status=error.status_code, problem=error.message, at="name", name=name)
        except PasswordRefusedError as error:
            await self._form(token, shown, status=error.status_code, problem=error.message, at="password", name=name)
        except LabyardError as error:
            raise http_error(error) from error
        else:
            await self._welcome(user)

    async def _welcome(self, user: User) -> None:
        former = self.find_user(user.name)
        if former is not None:
            self.end_sessions(former)
        await self.sign_in_as(user)
        self.redirect(self.hub_link("home"))


class SetupHandler(_JoinHandler):
    """The first administrator."""

    kind = "setup"

    async def _check(self, token: str) -> dict[str, Any]:
        await self.identity.call(self.store.check_setup, token)
        return {}

    async def _redeem(self, token: str, name: str, password: str) -> User:
        return await self.identity.hashing(self.store.redeem_setup, token, name, password)


class InviteHandler(_JoinHandler):
    """An invitation, or a link to a new password."""

    kind = "invitation"

    async def _check(self, token: str) -> dict[str, Any]:
        invitation = await self.identity.call(self.store.check_invitation, token)
        return {"invitation": invitation}

    async def _redeem(self, token: str, name: str, password: str) -> User:
        if name:
            # The name stands in the invitation; a form that sends another one was not ours.
            invitation = await self.identity.call(self.store.check_invitation, token)
            if name != invitation.name:
                raise web.HTTPError(400, "the invitation is for another name")
        return await self.identity.hashing(self.store.redeem_invitation, token, password)
