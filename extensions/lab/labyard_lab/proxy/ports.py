"""``/proxy/PORT``: requests for whatever listens on a port, by the same way as those for tools.

The paths are those of jupyter-server-proxy, whose own handlers hold whole bodies in memory, change paths, collect streamed answers and do not ask the authorizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp
from tornado import web

from labyard_lab.proxy.base import ProxyHandler, Target
from labyard_lab.proxy.headers import Prefix
from labyard_lab.proxy.http import HttpProxy
from labyard_lab.proxy.websocket import WebsocketProxy
from labyard_lab.running_tools.readiness import Address

__all__ = ["PORT_PATH", "PortHttpHandler", "PortWebsocketHandler", "Ports"]

PORT_PATH = r"proxy/(?:absolute/)?(?:[^/:@]+:)?[0-9]+(?:/.*)?"
"""Regular expression of the paths below the server's own."""

_PORT = re.compile(r"/proxy/(absolute/)?(?:([^/:@]+):)?([0-9]+)(?=/|$)")
_LARGEST_PORT = 65535

Hosts = Sequence[str] | Callable[[Any, str], bool]


class Ports:
    """What requests for ports have in common.

    Parameters
    ----------
    hosts
        Hosts that may be asked, or what decides about one, as in ``c.ServerProxy.host_allowlist``.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._session: aiohttp.ClientSession | None = None
        self._users = 0

    head_pid = None
    """What listens on ports counts as any other program of this server."""

    @property
    def is_connected(self) -> bool:
        """Whether a request or a websocket for a port is open."""
        return self._users > 0

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Count a request or a websocket until the end of the block."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1

    def session(self, address: Address) -> aiohttp.ClientSession:
        """Return what requests are made with, one for all ports."""
        if self._session is None:
            self._session = address.session()
        return self._session

    def allows(self, handler: Any, host: str) -> bool:
        """Return whether a request may go to `host`."""
        return self._hosts(handler, host) if callable(self._hosts) else host in self._hosts

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


class _PortRoute(ProxyHandler):
    """A request for a port."""

    auth_resource = "server-proxy"
    subject = "what runs on ports of this server"

    def initialize(self, ports: Ports) -> None:
        """Take what the route was registered with."""
        self._ports = ports

    def find(self) -> Target:
        """Return the port that this request is for."""
        path = self.request.path[len(self.base_url) - 1 :]
        match = _PORT.match(path)
        port = int(match[3]) if match is not None else 0
        if match is None or not 0 < port <= _LARGEST_PORT:
            raise web.HTTPError(404, "there is no such port: ports are numbers from 1 to 65535")
        host = match[2] or "localhost"
        if not self._ports.allows(self, host):
            raise web.HTTPError(403, f"host {host!r} is not allowed: add it to c.ServerProxy.host_allowlist in jupyter_server_config.py")
        address = Address(port=port, host=host)
        prefix = Prefix(self.base_url[:-1] + match[0] + "/", strip=not match[1])
        return Target(title=f"Port {port}", prefix=prefix, address=address, session=self._ports.session(address), in_use=self._ports.in_use)


class PortHttpHandler(_PortRoute, HttpProxy):
    """An HTTP request for a port."""


class PortWebsocketHandler(_PortRoute, WebsocketProxy):
    """A websocket of what listens on a port."""
