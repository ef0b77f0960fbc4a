"""Reaches names of this very machine, such as ``labyard.localhost``: browsers take them for the loopback address, and not every resolver does."""

from __future__ import annotations

import httpx

__all__ = ["AsyncLoopback", "Loopback"]

ADDRESS = "127.0.0.1"


def _here(request: httpx.Request) -> httpx.Request:
    """Return the request for the loopback address. Its ``Host`` header and the certificate that it asks for stay."""
    host = request.url.host
    if not host.endswith(".localhost"):
        return request
    extensions = {**request.extensions, "sni_hostname": host}
    return httpx.Request(
        request.method, request.url.copy_with(host=ADDRESS), headers=request.headers, stream=request.stream, extensions=extensions
    )


class Loopback(httpx.HTTPTransport):
    """Connects to this machine."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        return super().handle_request(_here(request))


class AsyncLoopback(httpx.AsyncHTTPTransport):
    """Connects to this machine."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        return await super().handle_async_request(_here(request))
