"""What all handlers of the proxy share: HTTP and websockets, to tools and to ports."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from tornado.httputil import HTTPServerRequest

from labyard_lab.activity import record_activity
from labyard_lab.proxy.guard import Guard
from labyard_lab.proxy.headers import Prefix, request_headers, strip_token
from labyard_lab.proxy.identities import Identities
from labyard_lab.running_tools.readiness import Address

__all__ = ["HOST", "ProxyHandler", "Target", "browser_origin", "holds_platform_token"]

HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]+")
"""What may stand in a ``Host`` header."""


def browser_origin(request: HTTPServerRequest) -> str:
    """Return scheme, host and port by which the browser reached the server, as the proxies in front tell."""
    scheme = request.headers.get("X-Forwarded-Proto", request.protocol).partition(",")[0].strip()
    host = request.host if HOST.fullmatch(request.host) else "localhost"
    return f"{'https' if scheme == 'https' else 'http'}://{host}"


def holds_platform_token(handler: Any) -> bool:
    """Return whether a request's ``Authorization`` header is for the platform and not for the tool.

    It is if it let the request in. It may be if there is a token in the URL too: the server has looked at that one only, and the cookie
    may have let the request in.
    """
    if handler.token_authenticated or handler.get_query_arguments("token"):
        return True
    secret = handler.identity_provider.token
    return bool(secret and secret in handler.request.headers.get("Authorization", ""))


@dataclass(frozen=True)
class Target:
    """Where a request goes.

    Attributes
    ----------
    title
        What error messages call it.
    session
        What requests are made with.
    forward_credentials
        Whether the platform's cookies and tokens pass.
    forward_user
        Whether the target hears who asks.
    headers
        More headers for the target.
    in_use
        Marks the target as used until it is left.
    """

    title: str
    prefix: Prefix
    address: Address
    session: aiohttp.ClientSession
    forward_credentials: bool = False
    forward_user: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    in_use: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext


class ProxyHandler(Guard):
    """A request that is passed on."""

    identities = Identities()

    def __init__(self, *arguments: Any, **kwargs: Any) -> None:
        super().__init__(*arguments, **kwargs)
        self.identities.recall(self)

    async def guard(self) -> None:
        """Let the request pass, or not."""
        await super().guard()
        if not self._finished:
            self.identities.remember(self)

    def find(self) -> Target:
        """Return where this request goes.

        Raises
        ------
        LabyardError
            If there is nothing, or nothing yet.
        """
        raise NotImplementedError

    def request_target(self, target: Target) -> str:
        """Return the request target for the other side."""
        uri = self.request.uri or target.prefix.path
        return target.prefix.target(uri if target.forward_credentials else strip_token(uri))

    def request_headers(self, target: Target) -> list[tuple[str, str]]:
        """Return the request's headers as the other side gets them."""
        scheme, _, host = browser_origin(self.request).partition("://")
        forwarded = {"X-Forwarded-Proto": scheme, "X-Forwarded-Host": host, "X-Forwarded-For": self.request.remote_ip or ""}
        if target.prefix.strip:
            # The last two are what jupyter-server-proxy sends too, and some programs read.
            forwarded |= dict.fromkeys(("X-Forwarded-Prefix", "X-Forwarded-Context", "X-ProxyContextPath"), target.prefix.path.rstrip("/"))
        headers = request_headers(
            self.request.headers.get_all(),
            forward_credentials=target.forward_credentials,
            drop_authorization=holds_platform_token(self),
            session_cookie=self._session_cookie(),
            forwarded=forwarded,
            user=self.current_user.username if target.forward_user else None,
        )
        return [*(one for one in headers if one[0] not in target.headers), *target.headers.items()]

    @staticmethod
    def upstream_hosts(address: Address) -> set[str]:
        """Return what the tool may call itself."""
        hosts = {"localhost", "127.0.0.1", address.host}
        return hosts if address.port is None else {f"{host}:{address.port}" for host in hosts}

    def frame_ancestors(self) -> str:
        """Return which pages may show a tool in a frame: JupyterLab's, which is this origin's, and whichever more the server allows itself.

        JupyterHub forbids its servers all frames, which is right for JupyterLab and would leave every tool's tab empty.
        """
        match = re.search(r"frame-ancestors\s+([^;]+)", self.content_security_policy)
        allowed = match[1].strip() if match else ""
        return "'self'" if allowed in ("", "'none'") else allowed

    def record_activity(self) -> None:
        """Tell Jupyter Server that somebody is at work, so that the server is not taken for idle."""
        record_activity(self.settings)

    def _session_cookie(self) -> str | None:
        name: Any = self.identity_provider.get_cookie_name(self)
        return str(name) if name else None
