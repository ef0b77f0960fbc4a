"""Asks for the password again before what gives rights away, where servers share the hub's origin.

A member's page can then send whatever its visitor's browser may. It does not know the password. This is a fence and no wall: for some minutes after a person has
confirmed, such a page can act as well.
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlencode

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from labyard.exceptions import LabyardError
from labyard_hub.domain.projects import is_project_id
from labyard_hub.hub_process.pages.base import Page
from labyard_hub.hub_process.pages.errors import http_error

__all__ = ["ConfirmHandler", "confirmed_handlers", "note_confirmation"]

CONFIRMED_SECONDS = 300.0
"""How long a confirmation holds."""

PAGES = re.compile(r"/(?:token|admin(?:/.*)?|accept-share)")
"""Pages that make tokens, administer or give access."""
CALLS = re.compile(r"/api/(?:users|groups|shares|share-codes|services|labyard/removed-people)(?:/.*)?|/api/oauth2/authorize")
"""Calls that do."""
EXCEPT = re.compile(r"/api/users/[^/]+/(?:servers?(?:/.*)?|activity)")
"""Calls below them that start and stop servers."""


def _confirmations(handler: Any) -> dict[str, float]:
    found: dict[str, float] = handler.settings.setdefault("labyard_confirmations", {})
    return found


def _session(handler: Any) -> str:
    return f"{handler.current_user.name} {handler.get_session_cookie()}"


def note_confirmation(handler: Any, name: str) -> None:
    """Note that the person at this browser has just proved who they are."""
    now = time.monotonic()
    confirmations = _confirmations(handler)
    for session in [session for session, until in confirmations.items() if until < now]:
        del confirmations[session]
    confirmations[f"{name} {handler.get_session_cookie()}"] = now + CONFIRMED_SECONDS


class _Confirmed(BaseHandler):  # type: ignore[misc]  # jupyterhub carries no types
    async def prepare(self) -> None:
        """Let a browser through that has confirmed lately. Programs show a token."""
        await super().prepare()
        user = self.current_user
        if self._finished or user is None or getattr(self, "_token_authenticated", False):
            return
        path = self.request.path.removeprefix(self.hub.base_url.rstrip("/"))
        reads = self.request.method in ("GET", "HEAD", "OPTIONS")
        if not self._is_asked_for(path, reads) or _confirmations(self).get(_session(self), 0.0) > time.monotonic() or self._is_alone():
            return
        if reads:
            self.redirect(f"{self.hub.base_url}confirm?{urlencode({'next': self.request.uri})}")
        else:
            raise web.HTTPError(
                403, f"Confirm your password first, at {self.hub.base_url}confirm, then try again. Servers share one address here."
            )

    @staticmethod
    def _is_asked_for(path: str, reads: bool) -> bool:
        if PAGES.fullmatch(path):
            return True
        return not reads and CALLS.fullmatch(path) is not None and EXCEPT.fullmatch(path) is None

    def _is_alone(self) -> bool:
        """Whether there is nobody else whose server could act for this person."""
        names = self.db.query(orm.User.name).limit(100)
        return sum(not is_project_id(name) for (name,) in names) < 2


def confirmed_handlers(handlers: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the hub's handlers, those that give rights away behind a confirmation."""
    return [
        (route, _confirmed(handler), *rest) if issubclass(handler, BaseHandler) else (route, handler, *rest)
        for route, handler, *rest in handlers
    ]


def _confirmed(handler: type[Any]) -> type[Any]:
    return type(handler.__name__, (_Confirmed, handler), {"__module__": handler.__module__, "__doc__": handler.__doc__})


class ConfirmHandler(Page):
    """The form."""

    async def _form(self, **names: Any) -> None:
        target = self._validate_next_url(self.get_argument("next", ""))
        await self.page("confirm.html", target=target, minutes=round(CONFIRMED_SECONDS / 60), **names)

    @web.authenticated
    async def get(self) -> None:
        """Show it. At an identity provider, signing in again confirms."""
        await self._form()

    @web.authenticated
    async def post(self) -> None:
        """Compare the password."""
        name = self.current_user.name
        try:
            limit = (f"account {name}", self.authenticator.settings.attempts_per_user)
            async with self.authenticator.throttle.attempt([limit]) as attempt:
                attempt.succeeded = await self.identity.hashing(self.store.verify, name, self.field("password", strip=False)) is not None
        except LabyardError as error:
            raise http_error(error) from error
        if not attempt.succeeded:
            await self._form(status=403, problem="This is not your password.")
            return
        note_confirmation(self, name)
        self.redirect(self._validate_next_url(self.field("next")) or self.hub_link("home"))
