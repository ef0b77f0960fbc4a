"""What routes need: the parts of the application, and who calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from labyard.models.user import User
from labyard_hub.backends.hub_api import Hub
from labyard_hub.exceptions import CrossOriginError, UnauthenticatedError
from labyard_hub.services.authentication import Authentication
from labyard_hub.services.sessions import SESSION_COOKIE, Sessions

__all__ = ["Caller", "Parts", "PartsDependency", "ServiceSettings", "current_user"]


@dataclass(frozen=True)
class ServiceSettings:
    """What the service must know about itself.

    Attributes
    ----------
    base_url
        The hub's URL path, with a trailing slash.
    prefix
        Our own, with a trailing slash.
    origin
        Scheme, host and port that browsers use.
    """

    base_url: str
    prefix: str
    origin: str

    @property
    def cookie_path(self) -> str:
        """Where the session cookie goes: to all services, of which MLflow is one, and to no one's server."""
        return f"{self.base_url}services/"

    @property
    def callback_path(self) -> str:
        """Where the hub sends browsers back to."""
        return f"{self.prefix}oauth/callback"

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.origin.startswith("https://")


@dataclass(frozen=True)
class Parts:
    """Everything that routes use; the factory puts it together.

    Attributes
    ----------
    generation
        Tells how many people have had a user's name before.
    """

    settings: ServiceSettings
    hub: Hub
    authentication: Authentication
    sessions: Sessions
    generation: Callable[[str], int]


def _parts(request: Request) -> Parts:
    return cast("Parts", request.app.state.parts)


PartsDependency = Annotated[Parts, Depends(_parts)]


async def current_user(request: Request, parts: PartsDependency) -> User:
    """Return who calls, by token or by session.

    Raises
    ------
    UnauthenticatedError
        If neither is there or valid.
    CrossOriginError
        If a session's browser was made to send this by another site.
    """
    header = request.headers.get("authorization")
    if header is not None:
        return await parts.authentication.user(_token(header))
    value = request.cookies.get(SESSION_COOKIE)
    token = parts.sessions.open_token(value) if value else None
    if token is None:
        raise UnauthenticatedError
    check_origin(request, parts.settings)
    return await parts.authentication.user(token)


Caller = Annotated[User, Depends(current_user)]


def check_origin(request: Request, settings: ServiceSettings) -> None:
    """Refuse what a page of another origin sends with our cookie.

    SameSite does not keep off pages on other ports of this host, and older browsers send no ``Sec-Fetch-Site``: a request that changes something
    needs one of the two headers, and both must agree.
    """
    origin, fetch = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    safe = request.method in ("GET", "HEAD")
    if origin is not None and origin != settings.origin:
        raise CrossOriginError
    if fetch not in (None, "same-origin", "none"):
        raise CrossOriginError
    if not safe and origin is None and fetch is None:
        raise CrossOriginError


def _token(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token.strip():
        raise UnauthenticatedError("the Authorization header is neither `Bearer TOKEN` nor `token TOKEN`")
    return token.strip()
