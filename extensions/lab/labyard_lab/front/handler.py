"""Answers the front's questions: whether a request may pass to a tool, and as what."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

from tornado import httputil, routing

from labyard.exceptions import LabyardError
from labyard_lab.front.configuration import ASKING_HEADER
from labyard_lab.front.visitors import FrontVisitors
from labyard_lab.instances.manager import InstanceManager
from labyard_lab.proxy.base import HOST, ToolHandler, holds_platform_token
from labyard_lab.proxy.headers import strip_cookies
from labyard_lab.visitors.visit import visit_of

__all__ = ["FrontHandler", "QuestionPath"]

OWNER_SECONDS = 2
"""For so long nginx goes by an answer about the server's own user; up to one second longer, because it counts whole ones."""


class QuestionPath(routing.PathMatches):
    """Matches a tool's path where it is the front that asks.

    Parameters
    ----------
    secret
        What the front knows, and nobody else.
    """

    def __init__(self, pattern: str, secret: str) -> None:
        super().__init__(pattern)
        self._secret = secret.encode()

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        """Return the handler's arguments, None if it does not match."""
        said = request.headers.get(ASKING_HEADER)
        return super().match(request) if said is not None and hmac.compare_digest(said.encode(), self._secret) else None


class FrontHandler(ToolHandler):
    """A request for a tool, without its body, that the front is to carry: 204 if it may, 403 if it is to come to the server instead.

    It passes whatever looks at requests for tools, since to them it is one.
    """

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def initialize(self, manager: InstanceManager, base_path: str, visitors: FrontVisitors) -> None:  # type: ignore[override]
        """Take what the route was registered with."""
        super().initialize(manager, base_path)
        self._visitors = visitors

    async def prepare(self) -> None:  # type: ignore[override]
        """Answer."""
        await super().prepare()
        if self._finished:
            return
        await self.guard()
        if self._finished:
            return
        answer = self._answer()
        self.set_status(204 if answer else 403)
        for name, value in answer.items():
            self.set_header(name, value)
        self.finish()

    def _answer(self) -> dict[str, str]:
        """Return what the front needs; nothing if it cannot carry this request."""
        try:
            instance, prefix = self.find()
            _, address = instance.session()
        except LabyardError:
            return {}
        tool, headers = instance.tool, self.request.headers
        if tool.forward_credentials or tool.sets_cookies or not HOST.fullmatch(self.request.host) or ":" in str(address.path or ""):
            return {}
        seconds = OWNER_SECONDS
        if (visit := visit_of(self)) is not None and not self._visitors.is_owner(visit.ask):
            # Such a stream may go on for ever, and on the server's own way it can be ended alone.
            if "text/event-stream" in headers.get("Accept", "").lower():
                return {}
            seconds = self._visitors.let_in(visit.ask)
        instance.note_use()
        self.record_activity()
        named = {
            "Tool": f"http://unix:{address.path}:" if address.port is None else f"http://127.0.0.1:{address.port}",
            "Port": "" if address.port is None else f":{address.port}",
            "Prefix": prefix.path.rstrip("/") if prefix.strip else "",
            "Cookie": "; ".join(filter(None, (strip_cookies(one, self._session_cookie()) for one in headers.get_list("Cookie")))),
            "Authorization": "drop" if holds_platform_token(self) else "keep",
            "User": self.current_user.username if tool.forward_user else "",
            "Ancestors": self.frame_ancestors(),
        }
        return {**{f"X-Labyard-{name}": value for name, value in named.items()}, "X-Accel-Expires": str(seconds)}

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ARG002  # tornado's signature
        """Leave it to the server's own way to say what is wrong."""
        self.finish()

    def finish(self, _: Any = None) -> asyncio.Future[None]:
        """End the answer. Whatever is no yes is said in one way, the only one that nginx takes for a no: redirects to sign in too."""
        if self.get_status() != 204:
            self.set_status(403)
            self.clear_header("Location")
        self.clear_header("Content-Type")
        return super().finish()
