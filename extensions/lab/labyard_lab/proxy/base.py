"""What the proxy's HTTP and websocket handlers share."""

from __future__ import annotations

import re
from typing import Any

from tornado.httputil import HTTPServerRequest

from labyard_lab.activity import record_activity
from labyard_lab.instances.instance import Instance
from labyard_lab.instances.manager import InstanceManager
from labyard_lab.instances.readiness import Address
from labyard_lab.proxy.guard import Guard
from labyard_lab.proxy.headers import Prefix, request_headers, strip_token

__all__ = ["HOST", "ToolHandler", "browser_origin", "holds_platform_token"]

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


class ToolHandler(Guard):
    """A request for a tool.

    Parameters
    ----------
    manager
        Knows the instances.
    base_path
        URL path that instances are served under, with a trailing slash.
    """

    def initialize(self, manager: InstanceManager, base_path: str) -> None:
        """Take what the route was registered with."""
        self.manager, self.base_path = manager, base_path

    def find(self) -> tuple[Instance, Prefix]:
        """Return the instance that this request is for, and where it is served.

        Raises
        ------
        InstanceNotFoundError
            If there is none.
        """
        name = self.request.path[len(self.base_path) :].partition("/")[0]
        instance = self.manager.get(name)
        return instance, Prefix(instance.base_path, instance.tool.strip_prefix)

    def target(self, instance: Instance, prefix: Prefix) -> str:
        """Return the request target for the tool."""
        uri = self.request.uri or prefix.path
        return prefix.target(uri if instance.tool.forward_credentials else strip_token(uri))

    def headers_for_tool(self, instance: Instance, prefix: Prefix) -> list[tuple[str, str]]:
        """Return the request's headers as the tool gets them."""
        scheme, _, host = browser_origin(self.request).partition("://")
        forwarded = {"X-Forwarded-Proto": scheme, "X-Forwarded-Host": host, "X-Forwarded-For": self.request.remote_ip or ""}
        if prefix.strip:
            forwarded["X-Forwarded-Prefix"] = prefix.path.rstrip("/")
        return request_headers(
            self.request.headers.get_all(),
            forward_credentials=instance.tool.forward_credentials,
            drop_authorization=holds_platform_token(self),
            session_cookie=self._session_cookie(),
            forwarded=forwarded,
            user=self.current_user.username if instance.tool.forward_user else None,
        )

    def upstream_hosts(self, address: Address) -> set[str]:
        """Return what the tool may call itself."""
        return {"localhost", "127.0.0.1"} if address.port is None else {f"localhost:{address.port}", f"127.0.0.1:{address.port}"}

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
