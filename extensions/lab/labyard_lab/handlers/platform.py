"""Passes the front end's questions about projects on to the labyard service, under the visitor's own name."""

from __future__ import annotations

import os
import re

from labyard_lab.exceptions import BodyTooLargeError, NoPlatformError, NoTokenError, NotOwnerError
from labyard_lab.handlers.base import ApiHandler, route
from labyard_lab.platform_service import PlatformService
from labyard_lab.proxy.headers import strip_token
from labyard_lab.registered_models import ModelNames

__all__ = ["PlatformHandler"]

MAX_BODY_BYTES = 2**20
_KNOWN_MODELS = re.compile("projects/([^/]+)/registered-models")
"""The one address that this server answers itself."""
_SHARED_MODELS = re.compile("projects/([^/]+)/models")


class PlatformHandler(ApiHandler):
    """One request for the service.

    It is there on people's own servers only. On a project's server others run code under the same account, and a token that passed through it would be theirs.

    Parameters
    ----------
    service
        Where requests go; None on a server that does not pass them on.
    base_path
        URL path that this is served under, with a trailing slash.
    """

    def initialize(self, service: PlatformService | None, base_path: str) -> None:
        """Take what the route was registered with."""
        self.service, self.base_path = service, base_path
        if service is not None:
            self.models = ModelNames(service, os.environ.get("LABYARD_MLFLOW_URL", ""))

    @route("read")
    async def get(self, *_: str) -> None:
        """Read something."""
        await self._forward()

    @route("write")
    async def post(self, *_: str) -> None:
        """Make something."""
        await self._forward()

    patch = delete = post

    async def _forward(self) -> None:
        if self.service is None:
            raise NoPlatformError
        token = self._visitors_token()
        if len(self.request.body) > MAX_BODY_BYTES:
            raise BodyTooLargeError(MAX_BODY_BYTES)
        path = self.request.path[len(self.base_path) :]
        query = strip_token(f"?{self.request.query}")[1:]
        method = self.request.method or "GET"
        known_models = _KNOWN_MODELS.fullmatch(path)
        if method == "GET" and known_models:
            answer = await self.models.answer(known_models[1], token)
        else:
            if method == "POST" and (shared := _SHARED_MODELS.fullmatch(path)):
                await self.models.check(shared[1], self.request.body, token)
            answer = await self.service.ask(method, path, query, token, self.request.body)
        self.set_status(answer.status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        if answer.retry_after is not None:
            self.set_header("Retry-After", answer.retry_after)
        if answer.status == 204:
            self.clear_header("Content-Type")
        self.finish(answer.body or None)

    def _visitors_token(self) -> str:
        """Return the token that this request came with, which is never the server's own.

        Raises
        ------
        NotOwnerError
            If the visitor is not the owner of this server, who could read what passes through it.
        NoTokenError
            If the visitor has not come by the hub.
        """
        owner = os.environ.get("JUPYTERHUB_USER", "")
        if self.current_user is None or self.current_user.username != owner:
            raise NotOwnerError(owner)
        hub_auth = getattr(self.identity_provider, "hub_auth", None)
        token = hub_auth.get_token(self) if hub_auth is not None else None
        if not token:
            raise NoTokenError
        return str(token)
