"""The short way to those routes of MLflow's that Flask answers, which is most of them.

MLflow mounts its Flask application in one of FastAPI's. On the way a request passes seven layers, three of which start tasks, the workspace is read from the
database in the event loop, and the answer comes back from Flask's thread in three pieces, for each of which that thread waits. Together that is more than a
small request takes otherwise. Here Flask is called at once, in the workspace that the gateway has chosen, and what it has in one piece comes back in one.

Only a path that no route of FastAPI's could match goes this way; everything else goes MLflow's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

import anyio
import anyio.from_thread
from fastapi import FastAPI
from flask import Flask
from mlflow.utils.workspace_context import set_server_request_workspace
from mlflow_gateway.gateway import WORKSPACE_HEADER
from starlette.middleware.wsgi import build_environ
from starlette.routing import Match

__all__ = ["ShortWay"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ShortWay:
    """MLflow's application, as the gateway calls it.

    Parameters
    ----------
    app
        The whole.
    flask_app
        The part that it mounts last, for whatever no other route matches.
    """

    def __init__(self, app: FastAPI, flask_app: Flask) -> None:
        self._app = app
        self._flask_app = flask_app
        self.paths = frozenset(_paths(app, flask_app))
        """Those that Flask answers, whatever the method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        workspace = _workspace(scope)
        if workspace is None or scope["path"] not in self.paths:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is not None:
            environ = build_environ(scope, body)
            for message in await anyio.to_thread.run_sync(self._answer, environ, workspace, send):
                await send(message)

    def _answer(self, environ: dict[str, Any], workspace: str, send: Send) -> list[Message]:
        """Call Flask, in a thread, and return what is still to be sent: all of it, where it is in one piece."""
        # The thread has a copy of the request's context, so this holds for this request only.
        set_server_request_workspace(workspace)
        start: list[Message] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            pairs = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
            start[:] = [{"type": "http.response.start", "status": int(status.split(" ", 1)[0]), "headers": pairs}]
            return lambda _: None

        pieces = self._flask_app(environ, start_response)
        try:
            rest = iter(pieces)
            first = next(rest, b"")
            if _length(start[0]) == len(first):
                return [start[0], {"type": "http.response.body", "body": first}]
            for message in _messages(start[0], first, rest):
                anyio.from_thread.run(send, message)  # waits for a slow reader, so that no large file is held in memory
        finally:
            _close(pieces)
        return [{"type": "http.response.body", "body": b""}]


def _paths(app: FastAPI, flask_app: Flask) -> Iterator[str]:
    own = app.router.routes[:-1]  # the last one is Flask's mount, which matches everything
    for rule in flask_app.url_map.iter_rules():
        scope = {"type": "http", "method": "GET", "path": rule.rule, "root_path": "", "headers": []}
        if not rule.arguments and all(route.matches(scope)[0] is Match.NONE for route in own):
            yield rule.rule


def _workspace(scope: Scope) -> str | None:
    """Return what the gateway has put there, and nobody else: it takes away what clients send."""
    if scope["type"] != "http":
        return None
    return next((value.decode() for name, value in scope["headers"] if name == WORKSPACE_HEADER), None)


async def _read(receive: Receive) -> bytes | None:
    """Return the body; None if the client went away."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _length(start: Message) -> int | None:
    return next((int(value) for name, value in start["headers"] if name == b"content-length"), None)


def _messages(start: Message, first: bytes, rest: Iterable[bytes]) -> Iterator[Message]:
    yield start
    yield {"type": "http.response.body", "body": first, "more_body": True}
    for piece in rest:
        yield {"type": "http.response.body", "body": piece, "more_body": True}


def _close(pieces: Any) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
