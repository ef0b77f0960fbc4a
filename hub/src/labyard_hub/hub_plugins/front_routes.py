"""The second route of a server that has a front, the short way to its tools: it comes and goes with the first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from jupyterhub.proxy import ConfigurableHTTPProxy

__all__ = ["FrontRoutes", "FrontedHttpProxy"]


class FrontRoutes:
    """What a class of the hub for its proxy knows of fronts."""

    def __init__(self, **kwargs: Any) -> None:
        self._fronts: dict[str, str] = {}
        super().__init__(**kwargs)

    async def add_user(self, user: Any, server_name: str = "") -> None:
        """Lead people to a server, and where it has a front of its own for tools, to that for tools."""
        spawner = user.spawners[server_name]
        self._fronts.pop(spawner.proxy_spec, None)
        if getattr(spawner, "front_port", 0):
            server = urlsplit(spawner.server.host)
            # It is where the server is.
            self._fronts[spawner.proxy_spec] = f"http://{server.netloc.rpartition(':')[0]}:{spawner.front_port}"
        await super().add_user(user, server_name)  # type: ignore[misc]  # it is mixed into a proxy's class

    def _with_front(self, routespec: str, data: dict[str, Any]) -> dict[str, Any]:
        """Return what is kept with a route, its front among it: for the hub the two are one, so they come and go together, and the next hub finds both."""
        front = self._fronts.pop(routespec, None)
        return {**data, "front": front} if front else data


class FrontedHttpProxy(FrontRoutes, ConfigurableHTTPProxy):  # type: ignore[misc]  # it carries no types
    """JupyterHub's own class for configurable-http-proxy, for the route agent, which makes the second route of what comes with the first."""

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add a route, with that of its front."""
        await super().add_route(routespec, target, self._with_front(routespec, data))
