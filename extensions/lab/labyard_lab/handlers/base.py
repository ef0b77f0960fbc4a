"""What the REST routes share: who gets in, and the one shape of errors."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from labyard.exceptions import LabyardError
from labyard_lab.proxy.guard import AUTH_RESOURCE

__all__ = ["ApiHandler", "route"]

_Method = TypeVar("_Method", bound=Callable[..., Awaitable[None]])


def route(action: str) -> Callable[[_Method], _Method]:
    """Let only those in who have signed in and may do `action`, and turn Labyard's errors into answers."""

    def decorate(method: _Method) -> _Method:
        @functools.wraps(method)
        async def wrapper(self: ApiHandler, *args: str) -> None:
            try:
                await method(self, *args)
            except LabyardError as error:
                self.set_status(error.status_code)
                self.finish(json.dumps(error.to_dict()))

        return cast("_Method", web.authenticated(authorized(action)(wrapper)))

    return decorate


class ApiHandler(APIHandler):
    """Base of the routes."""

    auth_resource = AUTH_RESOURCE

    def update_api_activity(self) -> None:
        """Count what the user does, but not that an open page looks how its tools are."""
        if self.request.method not in ("GET", "HEAD"):
            super().update_api_activity()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Give every error the one JSON shape."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        message = error.log_message if isinstance(error, web.HTTPError) and error.log_message else None
        code = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}.get(status_code, "error")
        default = "the request was refused" if status_code < 500 else "this failed unexpectedly. The server's log says why"
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": {"code": code, "message": message or default}}))
