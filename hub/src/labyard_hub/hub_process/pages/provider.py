"""Signing in at an identity provider and signing out there: the pages on both sides of the way."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from oauthenticator.oauth2 import STATE_COOKIE_NAME, OAuthCallbackHandler, OAuthLoginHandler, _deserialize_state
from tornado import web
from tornado.httputil import url_concat

from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.confirm import note_confirmation
from labyard_hub.hub_process.pages.sign_in import SignOutHandler
from labyard_hub.hub_process.sign_in_errors import LoginError, ProviderErrorError, SignInCancelledError, SignInExpiredError

__all__ = ["ProviderAccountHandler", "ProviderCallbackHandler", "ProviderLoginHandler", "ProviderSignInHandler", "ProviderSignOutHandler"]

PENDING_DAYS = 15 / 1440
"""How long somebody may take at the provider: a quarter of an hour."""

CANCELLED = frozenset({"access_denied", "login_required", "interaction_required", "consent_required"})


def nonce_of(verifier: str) -> str:
    """Return the value that the ID token has to hold for the sign-in with this secret (OpenID Connect Core 1.0, 3.1.2.1)."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"nonce {verifier}".encode()).digest()).decode().rstrip("=")


class _ProblemPage(BaseHandler):  # type: ignore[misc]  # jupyterhub carries no types
    def set_default_headers(self) -> None:
        """Keep what is said to one person out of every cache."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def show(self, problem: LoginError) -> None:
        """Say why somebody is not signed in, and what to do."""
        self.set_status(problem.status_code)
        wait = getattr(problem, "retry_after_seconds", None)
        if wait is not None:
            self.set_header("Retry-After", str(wait))
        self.finish(
            await self.render_template(
                "provider-problem.html",
                title=problem.title,
                text=problem.message,
                as_somebody_else=problem.as_somebody_else,
                provider=self.authenticator.provider_title,
            )
        )


class ProviderSignInHandler(_ProblemPage):
    """The sign-in page: one button."""

    async def get(self) -> None:
        """Show it, or go on if this browser is signed in. The session gets no longer by that."""
        if self.current_user:
            self.redirect(self.get_next_url(self.current_user))
            return
        link = url_concat(self.authenticator.login_url(self.hub.base_url), {"next": self.get_argument("next", "")})
        self.finish(await self.render_template("provider-sign-in.html", provider=self.authenticator.provider_title, link=link))


class ProviderLoginHandler(OAuthLoginHandler, _ProblemPage):  # type: ignore[misc]  # oauthenticator carries no types
    """Sends the browser to the provider; OAuthenticator adds state and PKCE, this a nonce."""

    async def get(self) -> None:
        """Send it."""
        try:
            await self.authenticator.prepare()
        except LoginError as problem:
            await self.show(problem)
            return
        super().get()

    def set_state_cookie(self, state_cookie_value: str) -> None:
        """Keep what this browser is sent with, for as long as somebody may take."""
        self._verifier = str(_deserialize_state(state_cookie_value)["code_verifier"])
        self._set_cookie(STATE_COOKIE_NAME, state_cookie_value, expires_days=PENDING_DAYS, httponly=True, path=self.hub.base_url)

    def authorize_redirect(self, **parameters: Any) -> None:
        """Add what OAuthenticator does not send."""
        extra = parameters["extra_params"]
        if "openid" in parameters["scope"]:
            extra["nonce"] = nonce_of(self._verifier)
        if self.get_argument("again", ""):
            extra.update(self.authenticator.again_parameters)
        super().authorize_redirect(**parameters)


class ProviderCallbackHandler(OAuthCallbackHandler, _ProblemPage):  # type: ignore[misc]  # see above
    """Takes the browser back from the provider."""

    _state_cookie: str | None = None

    async def get(self) -> None:
        """Sign in, or say why not."""
        try:
            self.check_arguments()
            user = await self.login_user()
        except LoginError as problem:
            self.log.warning("a sign-in ended: %s", problem.message)
            await self.show(problem)
            return
        if user is None:
            raise web.HTTPError(403, self.authenticator.custom_403_message)
        # A session id that stood in the browser before the sign-in may be known to somebody else.
        self.set_session_cookie()
        note_confirmation(self, user.name)
        self.redirect(self.get_next_url(user))

    def get_state_cookie(self) -> str:
        """Return what this browser was sent with, once; empty where that is too long ago."""
        if self._state_cookie is None:
            value = self.get_secure_cookie(STATE_COOKIE_NAME, max_age_days=PENDING_DAYS) or b""
            self._state_cookie = value.decode("utf8", "replace")
            self.clear_cookie(STATE_COOKIE_NAME, path=self.hub.base_url)
        return self._state_cookie

    def nonce(self) -> str:
        """Return what the ID token has to hold."""
        return nonce_of(str(_deserialize_state(self.get_state_cookie()).get("code_verifier")))

    def _given(self, name: str) -> str:
        """Return a parameter of the address; empty where it is missing or no text."""
        try:
            return str(self.get_query_argument(name, ""))
        except web.HTTPError:
            return ""

    def check_arguments(self) -> None:
        """Look at what came back.

        Raises
        ------
        LoginError
            If it is not what this browser waits for, or an error.
        """
        cookie, state = self.get_state_cookie(), self._given("state")
        sent = _deserialize_state(cookie).get("state_id") if cookie else None
        try:
            came = _deserialize_state(state).get("state_id") if state else None
        except (AttributeError, UnicodeError):
            came = None
        if not sent or sent != came:
            raise SignInExpiredError
        error = self._given("error")
        if error in CANCELLED:
            raise SignInCancelledError(self.authenticator.provider_title)
        if error or not self._given("code"):
            self.log.error("the provider answered: %.200r %.500r", error, self._given("error_description"))
            known = (
                error if error.replace("_", "").isascii() and error.replace("_", "").isalpha() and len(error) <= 60 else "an unknown one"
            )
            raise ProviderErrorError(self.authenticator.provider_title, known)


class ProviderSignOutHandler(SignOutHandler):
    """Signs out here, and then at the provider."""

    _provider_url: str | None = None

    async def default_handle_logout(self) -> None:
        """Find out where to go on, before nobody is signed in any more."""
        if self.current_user:
            self._provider_url = self.authenticator.end_session_url(await self.current_user.get_auth_state())
        await super().default_handle_logout()

    async def handle_logout(self) -> None:
        """Forget an unfinished sign-in."""
        self.clear_cookie(STATE_COOKIE_NAME, path=self.hub.base_url)

    async def render_logout_page(self) -> None:
        """Say that it is done here, and lead on to the provider."""
        if self._provider_url is not None:
            # Browsers hold a form's redirects to the page's own origin, and signing out is a form. This begins again.
            self.set_header("Refresh", f"0; url={self._provider_url}")
        self.set_header("Cache-Control", "no-store")
        names = {"provider": self.authenticator.provider_title, "provider_url": self._provider_url}
        self.finish(await self.render_template("provider-signed-out.html", **names))


class ProviderAccountHandler(Page):
    """A person's own account: there is nothing here to change."""

    @web.authenticated
    async def get(self) -> None:
        """Show it."""
        user = self.current_user
        groups = sorted(group.name for group in user.groups)
        await self.page(
            "provider-account.html",
            account=await self.authenticator.find_person(self.db, user.name),
            groups=groups,
            provider=self.authenticator.provider_title,
        )
