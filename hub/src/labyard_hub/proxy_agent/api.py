"""The REST API: that of configurable-http-proxy, as far as JupyterHub uses it."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labyard_hub.proxy_agent.agent import Agent

__all__ = ["create_api"]

PREFIX = "/api/routes"
MOST_BYTES = 64 * 1024


def create_api(agent: Agent, token: str) -> Starlette:
    """Return the application; it looks after the proxy while it runs.

    Parameters
    ----------
    token
        What callers must show, all but those who ask how it is.
    """
    handlers = _Handlers(agent, token)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(agent.watch())
        yield
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    paths = (PREFIX, f"{PREFIX}/{{path:path}}")
    return Starlette(
        routes=[
            *(Route(path, handlers.read, methods=["GET"]) for path in paths),
            *(Route(path, handlers.add, methods=["POST"]) for path in paths),
            *(Route(path, handlers.delete, methods=["DELETE"]) for path in paths),
            Route("/health", handlers.health),
            Route("/ready", handlers.ready),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _refusal, ValueError: _bad_request, OSError: _unavailable},
    )


class _Handlers:
    def __init__(self, agent: Agent, token: str) -> None:
        self._agent = agent
        self._token = token
        self._name = secrets.token_hex(8)
        """By which the hub sees that this is another agent than the one that it has told its routes."""

    async def read(self, request: Request) -> Response:
        path = self._path(request)
        found = self._agent.routes()
        if path == "/":
            return JSONResponse(found)
        if (one := found.get(path)) is None:
            raise HTTPException(404, f"there is no route {path}")
        return JSONResponse(one)

    async def add(self, request: Request) -> Response:
        path = self._path(request)
        data = json.loads(await _body(request))
        if not isinstance(data, dict) or not isinstance(target := data.pop("target", None), str):
            raise HTTPException(400, "`target` must be a URL")
        await self._agent.put(path, target, data)
        return Response(status_code=201)

    async def delete(self, request: Request) -> Response:
        path = self._path(request)
        if not await self._agent.remove(path):
            raise HTTPException(404, f"there is no route {path}")
        return Response(status_code=204)

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "OK", "agent": self._name})

    async def ready(self, _: Request) -> Response:
        told = self._agent.is_told
        return JSONResponse({"status": "OK" if told else "the proxy does not know all routes"}, 200 if told else 503)

    def _path(self, request: Request) -> str:
        """Return the route that is asked for, decoded, if the token is right."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("token", "bearer") or not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            raise HTTPException(403, "the token is missing or wrong")
        path: str = request.scope["path"].removeprefix(PREFIX).strip("/")
        return f"/{path}"


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"a route has at most {MOST_BYTES} bytes")
    return body


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for them
    return JSONResponse({"message": error.detail}, error.status_code)


def _bad_request(_: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 400)


def _unavailable(_: Request, error: Exception) -> Response:
    # The route is noted, and the proxy learns it when it runs. The hub asks again.
    return JSONResponse({"message": f"the proxy cannot be told at the moment: {error or type(error).__name__}"}, 503)
