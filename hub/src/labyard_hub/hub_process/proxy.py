"""How the hub tells the proxy its routes: a map that HAProxy reads at its start, and commands by its socket."""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path
from typing import Any

from jupyterhub.proxy import Proxy
from traitlets import Float, Unicode

from labyard_hub.backends.haproxy.certificate import joined_certificate
from labyard_hub.backends.haproxy.configuration import CERTIFICATE_NAME, MAP_NAME
from labyard_hub.backends.haproxy.route_file import Route
from labyard_hub.backends.haproxy.routes import RouteTable
from labyard_hub.config.state import write_atomically
from labyard_hub.hub_process.scale.users import HubUsers

__all__ = ["LabyardProxy"]

STOP_PATIENCE_SECONDS = 5.0
"""A route that is to go is written down; a proxy that does not run learns it when it starts, and nobody has to wait for that."""

AT_A_TIME = 50
"""Users whose routes are compared before others have their turn, 2 ms."""


class LabyardProxy(Proxy):  # type: ignore[misc]  # it carries no types
    """HAProxy, started by the supervisor and not by the hub."""

    folder = Unicode(config=True, help="Where the proxy runs: its map of routes and its certificate are there.")
    socket = Unicode(config=True, help="The proxy's socket.")
    patience_seconds = Float(120.0, config=True, help="How long a new route may wait for a proxy that does not run.")

    def __init__(self, **kwargs: Any) -> None:
        self._certificate: str | None = None
        super().__init__(**kwargs)

    @cached_property
    def _table(self) -> RouteTable:
        return RouteTable(Path(self.folder) / MAP_NAME, Path(self.socket))

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add a route."""
        await self._table.put(Route(self.validate_routespec(routespec), target, data), self.patience_seconds)

    async def delete_route(self, routespec: str) -> None:
        """Delete a route if it exists."""
        try:
            found = await self._table.remove(self.validate_routespec(routespec), STOP_PATIENCE_SECONDS)
        except TimeoutError:
            self.log.warning("the proxy does not run; it will not know the route %s when it starts", routespec)
            return
        if not found:
            self.log.warning("there is no route to delete: %s", routespec)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """Return the routes as they should be."""
        return {path: {"routespec": path, "target": route.target, "data": dict(route.data)} for path, route in self._table.routes.items()}

    async def check_routes(self, user_dict: Any, service_dict: Any, *args: Any, **kwargs: Any) -> None:
        """Check the routes as the hub does every minute, and first that the proxy and its file say what the hub believes.

        JupyterHub compares all servers in one piece, 0.4 s with 10,000. Here others are let through meanwhile, and it does so only where something is wrong.
        """
        if isinstance(user_dict, HubUsers):
            # The route of somebody whom the hub has not read yet would pass for stale.
            await user_dict.complete.wait()
        try:
            for wrong in await self._table.check(self.patience_seconds):
                self.log.warning("%s; it is told all routes", wrong)
            await self._renew_certificate()
            if not await self._are_as_they_should(user_dict, service_dict):
                await super().check_routes(user_dict, service_dict, *args, **kwargs)
        except TimeoutError:
            # They are written, and the proxy reads them when it starts. The hub, which asks for this as it starts, would end by the error, and start again.
            self.log.error("the proxy has not taken the routes within %s s; see its log if it does not soon", self.patience_seconds)

    async def _are_as_they_should(self, users: Any, services: Any) -> bool:
        """Whether everything that runs has its route, and nothing else has one. A change meanwhile may be taken for a fault, no fault for anything else."""
        if self.extra_routes:
            return False  # the hub sets them again each time
        left = set(self._table.routes)

        def has_route(path: str, target: str) -> bool:
            left.discard(path)
            route = self._table.routes.get(path)
            return route is not None and route.target == target

        shown = [service for service in services.values() if service.server is not None]
        if not all(has_route(one.proxy_spec, one.server.host) for one in shown) or not has_route(self.app.hub.routespec, self.hub.host):
            return False
        for number, user in enumerate(list(users.values()), 1):
            for spawner in list(user.spawners.values()):
                if spawner.ready:
                    if not has_route(spawner.proxy_spec, spawner.server.host):
                        return False
                elif spawner.pending:
                    left.discard(spawner.proxy_spec)
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)
        return left.isdisjoint(self._table.routes)

    async def _renew_certificate(self) -> None:
        """Give the proxy a certificate that was renewed on disk. Nobody's connection ends by that."""
        if not self.ssl_cert or not self.ssl_key:
            return
        try:
            wanted = await asyncio.to_thread(joined_certificate, Path(self.ssl_cert), Path(self.ssl_key))
            if wanted != self._certificate:
                await self._table.runtime.replace_certificate(wanted)
                await asyncio.to_thread(write_atomically, Path(self.folder) / CERTIFICATE_NAME, wanted, mode=0o600)
                self._certificate = wanted
                self.log.info("the proxy has the certificate of %s", self.ssl_cert)
        except (OSError, ValueError) as error:
            self.log.error(
                "the proxy goes on with the certificate that it had, because that of %s cannot be used: %s", self.ssl_cert, error
            )
