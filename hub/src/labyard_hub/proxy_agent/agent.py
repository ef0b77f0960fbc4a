"""Routes by names instead of addresses, and routes that no hub has to bring."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import structlog

from labyard_hub.backends.haproxy.certificate import joined_certificate
from labyard_hub.backends.haproxy.configuration import CERTIFICATE_NAME, MAP_NAME
from labyard_hub.backends.haproxy.route_file import Route
from labyard_hub.backends.haproxy.routes import RouteTable
from labyard_hub.config.origins import Origins
from labyard_hub.config.state import write_atomically

__all__ = ["Agent"]

PATIENCE_SECONDS = 20.0
"""Shorter than what the hub waits for."""
LOOK_SECONDS = 5.0
"""How often names and the proxy are looked at."""
CERTIFICATE_EVERY = 12
"""The certificate is looked at each minute."""

_log = structlog.get_logger("labyard.proxy_agent")


def _canonical(path: str) -> str:
    clean = quote(unquote(path), safe="@/~").strip("/")
    return f"/{clean}/" if clean else "/"


class Agent:
    """Keeps the routes.

    Parameters
    ----------
    folder
        Where the proxy's files are.
    socket
        The proxy's socket.
    fixed
        Path → URL, for routes that are there before the hub brings any; its own for the same path goes before.
    certificate
        Files of certificate and key; None: the proxy does no TLS.
    origins
        Names of the servers, whose routes begin with them; None: routes have no names.
    """

    def __init__(
        self,
        folder: Path,
        socket: Path,
        fixed: Mapping[str, str],
        certificate: tuple[Path, Path] | None = None,
        origins: Origins | None = None,
    ) -> None:
        self._folder = folder
        self._below = f".{origins.host}" if origins is not None and origins.separate else None
        self._table = RouteTable(folder / MAP_NAME, socket)
        self._fixed = {_canonical(path): target for path, target in fixed.items()}
        self._certificate = certificate
        self._given: str | None = None
        self.is_told = False
        """Whether the proxy went by all routes when it was last looked at."""

    def canonical(self, path: str) -> str:
        """Return a route's path as it is kept: with a slash at its end, percent-encoded as JupyterHub does.

        Another slash stands at its beginning, unless its first part is a server's host name.
        """
        whole = _canonical(path)
        return whole[1:] if self._below and whole.split("/")[1].endswith(self._below) else whole

    def routes(self) -> dict[str, dict[str, object]]:
        """Return the hub's routes: path, decoded and without a slash at the end, as configurable-http-proxy has them → what came with them, and the target."""
        found = {}
        for path, route in self._table.routes.items():
            if route.data.get("agent") != "fixed":
                data = {key: value for key, value in route.data.items() if key != "named"}
                found["/" + unquote(path).strip("/")] = {**data, "target": route.data.get("named", route.target)}
        return found

    async def put(self, path: str, target: str, data: Mapping[str, object]) -> None:
        """Set a route.

        Raises
        ------
        ValueError
            If the target cannot be one, or its name is not known.
        OSError
            If the route cannot be written down, or the proxy does not run; it learns the route when it does.
        """
        address = await _resolved(target)
        # By the name it is looked up again.
        kept = {**data, "named": target} if address != target else dict(data)
        await self._table.put(Route(self.canonical(path), address, kept), PATIENCE_SECONDS)

    async def remove(self, path: str) -> bool:
        """Remove a route, and return whether there was one."""
        path = self.canonical(path)
        if (route := self._table.routes.get(path)) is None or route.data.get("agent") == "fixed":
            return False
        if path in self._fixed:
            await self._put_fixed(path)
            return True
        return await self._table.remove(path, PATIENCE_SECONDS)

    async def watch(self) -> None:
        """Look at names, proxy and certificate again and again, until cancelled."""
        turn = 0
        while True:
            try:
                await self.look(certificate=turn % CERTIFICATE_EVERY == 0)
            except Exception as error:  # noqa: BLE001  # whatever it was, the next look may go better
                self.is_told = False
                _log.warning("the proxy could not be told all routes", error=str(error) or type(error).__name__)
            turn += 1
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, *, certificate: bool = True) -> None:
        """Make the proxy go by what should be: the fixed routes, what names mean now, routes that it has forgotten, the certificate on disk."""
        for path in self._fixed:
            route = self._table.routes.get(path)
            if route is None or route.data.get("agent") == "fixed":
                await self._put_fixed(path)
        for route in self._table.routes.values():
            named = route.data.get("named")
            if isinstance(named, str) and route.data.get("agent") != "fixed" and await _resolved(named) != route.target:
                await self.put(route.path, named, {key: value for key, value in route.data.items() if key != "named"})
        for wrong in await self._table.check(LOOK_SECONDS):
            _log.warning("told again", why=wrong)
        self.is_told = True
        if certificate and self._certificate is not None:
            await self._renew(*self._certificate)

    async def _put_fixed(self, path: str) -> None:
        address = await _resolved(self._fixed[path])
        former = self._table.routes.get(path)
        if former is None or former.target != address or former.data.get("agent") != "fixed":
            await self._table.put(Route(path, address, {"agent": "fixed"}), PATIENCE_SECONDS)

    async def _renew(self, certificate: Path, key: Path) -> None:
        wanted = await asyncio.to_thread(joined_certificate, certificate, key)
        if wanted != self._given:
            await self._table.runtime.replace_certificate(wanted)
            await asyncio.to_thread(write_atomically, self._folder / CERTIFICATE_NAME, wanted, mode=0o600)
            self._given = wanted
            _log.info("the proxy has the certificate", file=str(certificate))


async def _resolved(target: str) -> str:
    """Return the URL with an address for its host's name; ValueError where nobody knows it."""
    parts = urlsplit(target)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"a route can lead to http://HOST:PORT, not to {target!r}")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ValueError(f"{parts.hostname}, where a route leads to, has no address: {error}") from error
    host = str(found[0][4][0])
    if host == parts.hostname:
        return target
    return f"http://[{host}]:{parts.port or 80}" if ":" in host else f"http://{host}:{parts.port or 80}"
