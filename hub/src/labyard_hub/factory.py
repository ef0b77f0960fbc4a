"""Puts the labyard service together. Everything that it needs is handed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from labyard import __version__
from labyard_hub.backends.hub_api import Hub
from labyard_hub.domain.command_line import LOGIN_CLIENT_ID
from labyard_hub.handlers import authorize, cli_login, events, health, links, login, me, members, pages, projects, sharing
from labyard_hub.handlers.body_limit import BodyLimit
from labyard_hub.handlers.dependencies import Services, ServiceSettings
from labyard_hub.handlers.errors import add_error_handlers
from labyard_hub.services.activity import Activity
from labyard_hub.services.authentication import Authentication
from labyard_hub.services.cli_login import CommandLineLogins
from labyard_hub.services.enforcement import Enforcement
from labyard_hub.services.links import Links
from labyard_hub.services.members import Members
from labyard_hub.services.model_shares import ModelSharing
from labyard_hub.services.project_access import ProjectAccess, utc_now
from labyard_hub.services.project_servers import Servers
from labyard_hub.services.projects import Projects
from labyard_hub.services.protocols import ProjectFiles, ProjectServers, UserDirectory
from labyard_hub.services.sessions import Sessions
from labyard_hub.services.tool_shares import ToolSharing
from labyard_hub.storage.store import Store

__all__ = ["Backends", "create_app", "create_services"]


@dataclass(frozen=True)
class Backends:
    """What the service works with.

    Attributes
    ----------
    generation
        Tells how many people have had a user's name before.
    """

    hub: Hub
    store: Store
    files: ProjectFiles
    servers: ProjectServers
    directory: UserDirectory
    generation: Callable[[str], int]


def create_services(
    settings: ServiceSettings,
    backends: Backends,
    *,
    session_secret: str,
    link_secret: str,
    login_secret: str,
    projects_per_user: int,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[Services, Enforcement]:
    """Put the use cases together.

    Parameters
    ----------
    session_secret, link_secret
        Sign what browsers keep, and links to join.
    login_secret
        What the hub knows the command line's login by.
    projects_per_user
        How many projects one person may own.
    """
    access = ProjectAccess(backends.store, backends.generation, clock)
    enforcement = Enforcement(backends.store, backends.files, backends.servers, backends.generation, clock)
    authentication = Authentication(backends.hub)
    login_hub = backends.hub.as_client(client_id=LOGIN_CLIENT_ID, api_token=login_secret, redirect_path=settings.login_callback_path)
    services = Services(
        settings=settings,
        hub=backends.hub,
        authentication=authentication,
        sessions=Sessions(session_secret),
        access=access,
        projects=Projects(access, enforcement, limit_per_user=projects_per_user),
        members=Members(access, enforcement, backends.directory),
        links=Links(access, enforcement, link_secret),
        activity=Activity(access),
        servers=Servers(access, backends.servers, enforcement),
        tool_sharing=ToolSharing(access, backends.servers, enforcement),
        model_sharing=ModelSharing(access, backends.directory),
        command_line=CommandLineLogins(login_hub, authentication, session_secret, now=clock),
    )
    return services, enforcement


def create_app(services: Services, *, resources: Callable[[], AbstractAsyncContextManager[None]] | None = None) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    services
        Settings and use cases.
    resources
        Opened while the application runs, such as connections.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if resources is None:
            yield
        else:
            async with resources():
                yield

    prefix = services.settings.prefix.rstrip("/")
    app = FastAPI(
        title="Labyard",
        version=__version__,
        description="Who may do what on this platform.",
        openapi_url=f"{prefix}/api/v1/openapi.json",
        docs_url=None,  # the pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.services = services
    app.add_middleware(BodyLimit)
    add_error_handlers(app)
    for module in (health, me, authorize, projects, members, links, events, sharing, login, cli_login, pages):
        app.include_router(module.router, prefix=prefix)

    @app.middleware("http")
    async def _headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        answer = await call_next(request)
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'self'")
        return answer

    return app
