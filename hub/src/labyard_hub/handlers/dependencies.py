"""What routes need: the services of the application, and who calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.responses import Response

from labyard.exceptions import UnauthenticatedError
from labyard.models.user import User
from labyard_hub.backends.hub_api import Hub
from labyard_hub.config.origins import Origins
from labyard_hub.domain.command_line import LOGIN_REDIRECT_PATH
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.scopes import SERVICE_SCOPE, SERVICE_SCOPES
from labyard_hub.exceptions import CrossOriginError, NotAProjectError, NotAUserError
from labyard_hub.services.activity import Activity
from labyard_hub.services.authentication import Authentication
from labyard_hub.services.cli_login import CommandLineLogins
from labyard_hub.services.links import Links
from labyard_hub.services.members import Members
from labyard_hub.services.model_shares import ModelSharing
from labyard_hub.services.project_access import ProjectAccess
from labyard_hub.services.project_servers import Servers
from labyard_hub.services.projects import Projects
from labyard_hub.services.sessions import SESSION_COOKIE, Sessions
from labyard_hub.services.tool_shares import ToolSharing

__all__ = [
    "AnyCaller",
    "Caller",
    "Cookie",
    "ProjectCaller",
    "ServiceSettings",
    "Services",
    "ServicesDependency",
    "TrackingCaller",
    "bearer_token",
    "check_origin",
    "current_user",
    "person",
]


@dataclass(frozen=True)
class Cookie:
    """Name and reach of a cookie of ours."""

    name: str
    path: str
    secure: bool

    def put(self, answer: Response, value: str, max_age: int) -> None:
        """Set it."""
        answer.set_cookie(self.name, value, max_age, path=self.path, secure=self.secure, httponly=True, samesite="lax")

    def remove(self, answer: Response) -> None:
        """Remove it from the browser."""
        answer.delete_cookie(self.name, path=self.path, secure=self.secure, httponly=True, samesite="lax")


@dataclass(frozen=True)
class ServiceSettings:
    """What the service must know about itself.

    Attributes
    ----------
    base_url
        The hub's URL path, with a trailing slash.
    prefix
        Our own, with a trailing slash.
    origins
        What browsers call the platform and each server.
    """

    base_url: str
    prefix: str
    origins: Origins

    @property
    def origin(self) -> str:
        """Scheme, host and port that browsers use."""
        return self.origins.base

    @property
    def session_cookie(self) -> Cookie:
        """The session cookie, which goes to all services, of which MLflow is one, and to no one's server."""
        return self.cookie(SESSION_COOKIE, f"{self.base_url}services/")

    def cookie(self, name: str, path: str) -> Cookie:
        """Return the cookie `name` as it is kept in browsers."""
        prefix = self.origins.cookie_prefix
        return Cookie(prefix + name, "/" if prefix else path, self.origins.are_cookies_secure)

    @property
    def callback_path(self) -> str:
        """Where the hub sends browsers back to."""
        return f"{self.prefix}oauth/callback"

    @property
    def login_callback_path(self) -> str:
        """Where it sends those back to whose command line signs in."""
        return f"{self.prefix}{LOGIN_REDIRECT_PATH}"


@dataclass(frozen=True)
class Services:
    """Everything that routes use; `main` puts it together."""

    settings: ServiceSettings
    hub: Hub
    authentication: Authentication
    sessions: Sessions
    access: ProjectAccess
    projects: Projects
    members: Members
    links: Links
    activity: Activity
    servers: Servers
    tool_sharing: ToolSharing
    model_sharing: ModelSharing
    command_line: CommandLineLogins


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


ServicesDependency = Annotated[Services, Depends(_services)]


async def current_user(request: Request, services: ServicesDependency) -> User:
    """Return who calls, by token or by session; the errors are those of `_authenticate`."""
    return await _authenticate(request, services, (SERVICE_SCOPE,))


async def _tracking_user(request: Request, services: ServicesDependency) -> User:
    return await _authenticate(request, services, SERVICE_SCOPES)


async def _authenticate(request: Request, services: Services, accepted: tuple[str, ...]) -> User:
    """Return who calls, by a token with one of the scopes `accepted` or by session.

    Raises
    ------
    UnauthenticatedError
        If neither is there or valid.
    CrossOriginError
        If a session's browser was made to send this by another site.
    """
    token = bearer_token(request)
    if token is not None:
        return await services.authentication.user(token, accepted)
    value = request.cookies.get(services.settings.session_cookie.name)
    token = services.sessions.open_token(value) if value else None
    if token is None:
        raise UnauthenticatedError.of()
    check_origin(request, services.settings)
    return await services.authentication.user(token, accepted)


TrackingCaller = Annotated[User, Depends(_tracking_user)]
"""A person or a project's own user, also by a token that opens MLflow alone."""

AnyCaller = Annotated[User, Depends(current_user)]
"""A person, or a project's own user."""


async def person(caller: AnyCaller) -> User:
    """Refuse a project's server: anyone who works there could act by its token.

    Raises
    ------
    NotAUserError
        If it is one.
    """
    if is_project_id(caller.name):
        raise NotAUserError
    return caller


async def _project(caller: AnyCaller) -> User:
    """Refuse everybody but a project's server."""
    if not is_project_id(caller.name):
        raise NotAProjectError
    return caller


Caller = Annotated[User, Depends(person)]
ProjectCaller = Annotated[User, Depends(_project)]


def check_origin(request: Request, settings: ServiceSettings) -> None:
    """Refuse what a page of another origin sends with our cookie.

    SameSite does not keep off pages on other ports of this host, and older browsers send no ``Sec-Fetch-Site``: a request that changes something
    needs one of the two headers, and both must agree. A link may lead here from anywhere, such as a chat or JupyterLab, which has an origin of its own: the
    page that has the link cannot read what it opens.
    """
    origin, fetch = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    safe = request.method in ("GET", "HEAD")
    if origin is not None and origin != settings.origin:
        raise CrossOriginError
    is_link = safe and request.headers.get("sec-fetch-mode") == "navigate" and request.headers.get("sec-fetch-dest") == "document"
    if fetch not in (None, "same-origin", "none") and not is_link:
        raise CrossOriginError
    if not safe and origin is None and fetch is None:
        raise CrossOriginError


def bearer_token(request: Request) -> str | None:
    """Return the token that a request carries in its header; None if there is no such header.

    Raises
    ------
    UnauthenticatedError
        If the header holds no token.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token.strip():
        raise UnauthenticatedError.of("the Authorization header is neither `Bearer TOKEN` nor `token TOKEN`")
    return token.strip()
