"""Makes jupyter-server-proxy ask the authorizer, and keep the platform's credentials from ports it knows nothing about.

Its ``/proxy/PORT`` lets in whoever may enter the server, whatever the authorizer says: a person who may only look at a shared server
could send anything to anything that runs there. And it passes the browser's cookies and token to whatever listens on the port, which on a
machine with several users may be another user's program.

All its handlers come from one class with one ``prepare``, the place where it checks who asks. Wrapping that covers every route, whether
it was registered before or comes later, which replacing handlers would not.
"""

from __future__ import annotations

import functools
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server_proxy import handlers
from tornado import httputil, web

from labyard_lab.proxy.base import holds_platform_token
from labyard_lab.proxy.guard import action_of
from labyard_lab.proxy.headers import strip_cookies, strip_token
from labyard_lab.visitors.visit import target_of

__all__ = ["PORT_PROXY_RESOURCE", "protect_port_proxy"]

PORT_PROXY_RESOURCE = "server-proxy"
"""What the authorizer is asked about."""

_MARK = "_labyard_protected"


def protect_port_proxy() -> None:
    """Wrap jupyter-server-proxy's handlers. Calling it again changes nothing."""
    base = handlers.ProxyHandler
    if getattr(base, _MARK, False):
        return
    prepare, request_headers, client_uri = base.prepare, base.proxy_request_headers, base.get_client_uri

    @functools.wraps(prepare)
    async def guarded_prepare(self: Any, *args: Any, **kwargs: Any) -> None:
        await prepare(self, *args, **kwargs)
        if self._finished:
            return
        action = action_of(self.request)
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, PORT_PROXY_RESOURCE)):
            raise web.HTTPError(403, f"you may not {action} what runs on ports of this server")

    @functools.wraps(request_headers)
    def clean_request_headers(self: Any) -> Any:
        headers = request_headers(self)
        return _without_credentials(self, headers) if _is_open_port(self) else headers

    @functools.wraps(client_uri)
    def clean_client_uri(self: Any, *args: Any, **kwargs: Any) -> Any:
        uri = client_uri(self, *args, **kwargs)
        return strip_token(uri) if _is_open_port(self) else uri

    base.prepare, base.proxy_request_headers, base.get_client_uri = guarded_prepare, clean_request_headers, clean_client_uri
    setattr(base, _MARK, True)


def _is_open_port(handler: Any) -> bool:
    """Return whether the handler serves any port, and not a program that jupyter-server-proxy was configured for."""
    return target_of(handler) in (handlers.LocalProxyHandler, handlers.RemoteProxyHandler)


def _without_credentials(handler: Any, headers: httputil.HTTPHeaders) -> httputil.HTTPHeaders:
    clean = httputil.HTTPHeaders()
    session_cookie = handler.identity_provider.get_cookie_name(handler)
    for name, value in headers.get_all():
        if name == "Authorization" and holds_platform_token(handler):
            continue
        if name == "Cookie":
            value = strip_cookies(value, session_cookie)  # noqa: PLW2901
            if not value:
                continue
        clean.add(name, value)
    return clean
