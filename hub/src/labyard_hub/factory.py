"""Puts the labyard service together. Everything that it needs is handed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from labyard import __version__
from labyard_hub.handlers import authorize, health, login, me
from labyard_hub.handlers.dependencies import Parts
from labyard_hub.handlers.errors import add_error_handlers

__all__ = ["create_app"]


def create_app(parts: Parts, *, resources: Callable[[], AbstractAsyncContextManager[None]] | None = None) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    parts
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

    prefix = parts.settings.prefix.rstrip("/")
    app = FastAPI(
        title="Labyard",
        version=__version__,
        description="Who may do what on this platform.",
        openapi_url=f"{prefix}/api/v1/openapi.json",
        docs_url=None,  # the pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.parts = parts
    add_error_handlers(app)
    for module in (health, me, authorize, login):
        app.include_router(module.router, prefix=prefix)

    @app.middleware("http")
    async def _headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        answer = await call_next(request)
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'self'"
        return answer

    return app
