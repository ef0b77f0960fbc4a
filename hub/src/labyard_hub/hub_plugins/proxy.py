"""How the hub tells the proxy its routes: a file that Traefik watches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import bcrypt
from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy
from jupyterhub_traefik_proxy.traefik_utils import deep_merge
from tornado.httpclient import HTTPClientError
from traitlets import default, observe

from labyard_hub.hub_plugins.hub_users import HubUsers
from labyard_hub.hub_plugins.route_publisher import RoutePublisher
from labyard_hub.hub_plugins.routes_file import RoutesFile

__all__ = ["LabyardProxy"]

MANY = 1_000_000
TOOLS_PATH = "labyard/tools/"
"""Below a server's own path: what its front serves."""


class LabyardProxy(TraefikFileProviderProxy):  # type: ignore[misc]  # it carries no types
    """Traefik by the file provider, started by the supervisor and not by the hub.

    Upstream copies and writes all routes for each that changes, waits for each by two questions to Traefik with growing pauses, ten routes at a time at most.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._fronts: dict[str, str] = {}
        super().__init__(**kwargs)

    @default("dynamic_config_handler")
    def _default_handler(self) -> RoutesFile:
        return RoutesFile(Path(self.dynamic_config_file))

    @observe("dynamic_config_file")
    def _set_dynamic_config_file(self, change: Any) -> None:
        self.dynamic_config_handler = RoutesFile(Path(change["new"]))

    @default("semaphore")
    def _no_limit(self) -> asyncio.BoundedSemaphore:
        # Routes that wait together cost the proxy one reading of its file, however many.
        return asyncio.BoundedSemaphore(MANY)

    @default("check_route_timeout")
    def _patience_seconds(self) -> int:
        # A machine that is busy with many starts may take longer for thousands of routes than upstream's half minute; a start that gives up has been for nothing.
        return 120

    @default("traefik_api_hashed_password")
    def _hash_api_password(self) -> str:
        # Traefik checks it with each request, several for every start of a server. The password is 256 random bits, which no slow hash makes any safer.
        return bcrypt.hashpw(self.traefik_api_password.encode(), bcrypt.gensalt(rounds=4)).decode("ascii")

    @default("dynamic_config")
    def _load_dynamic_config(self) -> dict[str, Any]:
        """Take the routes from the last hub and nothing else.

        Upstream takes all that stands in the file and prefers it to what is configured now: another certificate, port or password, or TLS at all, would have no effect.
        """
        config: dict[str, Any] = {"http": {"services": {}, "routers": {}}, "jupyterhub": {"routes": {}}}
        try:
            saved = self.dynamic_config_handler.load()
        except FileNotFoundError:
            saved = {}
        for routespec, target, data in _routes_in(saved):
            traefik_config, hub_config = self._dynamic_config_for_route(routespec, target, data)
            _lay_over(config, {**traefik_config, "jupyterhub": hub_config})
        return config

    @property
    def _publisher(self) -> RoutePublisher:
        # Made when it is first needed, as it belongs to the running event loop.
        if self.__dict__.get("_own_publisher") is None:
            self.__dict__["_own_publisher"] = RoutePublisher(self._write_version, self._has_version)
        publisher: RoutePublisher = self.__dict__["_own_publisher"]
        return publisher

    async def _write_version(self, name: str) -> None:
        await asyncio.to_thread(self.dynamic_config_handler.write, self.dynamic_config_handler.text(name))

    async def _has_version(self, name: str) -> bool | None:
        """Whether Traefik has loaded the version of this name, which it shows as a middleware; None if it does not answer."""
        try:
            await self._traefik_api_request(f"/api/http/middlewares/{name}@{self.provider_name}")
        except HTTPClientError as error:
            return False if error.code in (401, 404) else None
        except OSError:
            return None
        return True

    async def add_user(self, user: Any, server_name: str = "") -> None:
        """Lead people to a server, and where it has a front of its own for tools, to that for tools."""
        spawner = user.spawners[server_name]
        if getattr(spawner, "front_port", 0):
            self._fronts[spawner.proxy_spec] = f"http://127.0.0.1:{spawner.front_port}"
        await super().add_user(user, server_name)

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add a route, with that of its front."""
        front = self._fronts.pop(routespec, None)
        await super().add_route(routespec, target, {**data, "front": front} if front else data)

    def _dynamic_config_for_route(self, routespec: str, target: str, data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        # For the hub the two are one route: they come and go together, and the next hub finds both.
        traefik_config, hub_config = super()._dynamic_config_for_route(routespec, target, data)
        if isinstance(front := data.get("front"), str):
            _lay_over(traefik_config, super()._dynamic_config_for_route(routespec + TOOLS_PATH, front, {})[0])
        return traefik_config, hub_config

    def _keys_for_route(self, routespec: str) -> tuple[tuple[list[str], ...], tuple[list[str], ...]]:
        traefik_keys, hub_keys = super()._keys_for_route(routespec)
        front_keys, _ = super()._keys_for_route(routespec + TOOLS_PATH)
        return (*traefik_keys, *front_keys), hub_keys

    async def _apply_dynamic_config(self, traefik_config: dict[str, Any], jupyterhub_config: dict[str, Any] | None = None) -> None:
        """Add to the routes, and return once they are written."""
        added = traefik_config if jupyterhub_config is None else {**traefik_config, "jupyterhub": jupyterhub_config}
        if added is not self.dynamic_config:
            _lay_over(self.dynamic_config, added)
        self.dynamic_config_handler.put(added)
        await self._publisher.publish()

    async def _delete_dynamic_config(self, traefik_keys: Any, jupyterhub_keys: Any) -> None:
        """Take from the routes, and return once that is written."""
        found = False
        for keys in (*traefik_keys, *(["jupyterhub", *keys] for keys in jupyterhub_keys)):
            section = self.dynamic_config[keys[0]][keys[1]]
            found = section.pop(keys[2], None) is not None or found
            self.dynamic_config_handler.remove(keys[1], keys[2])
        if not found:
            self.log.warning("there is no route to delete: %s", traefik_keys)
        await self._publisher.publish()

    async def _wait_for_route(self, routespec: str) -> None:  # noqa: ARG002  # upstream's signature
        """Wait until Traefik works by what was written last, this route among it."""
        await self._publisher.loaded(self.check_route_timeout)

    async def check_routes(self, user_dict: Any, *args: Any, **kwargs: Any) -> Any:
        """Check the routes as the hub does every minute, and first that the proxy was told what the hub believes.

        Upstream compares the hub's servers with its own memory alone. A file that was damaged or could not be written, on a full disk for example, stayed so until
        the next start of a server.
        """
        if self._start_future is not None and not self._start_future.done():
            await self._start_future
        if isinstance(user_dict, HubUsers):
            # The route of somebody whom the hub has not read yet would pass for stale.
            await user_dict.complete.wait()
        if not await asyncio.to_thread(self.dynamic_config_handler.is_as_written):
            self.log.warning("%s is not as it was written, and is written anew", self.dynamic_config_file)
            await self._publisher.publish()
        try:
            return await super().check_routes(user_dict, *args, **kwargs)
        except TimeoutError:
            # They are written, and it comes to them. The hub, which asks for this as it starts, would end by the error, and start again.
            self.log.error("the proxy has not taken the routes within %s s; see its log if it does not soon", self.check_route_timeout)


def _lay_over(config: dict[str, Any], added: dict[str, Any]) -> None:
    """Add to `config` in place; what is added stands for what was under the same name. Upstream's merge copies all that is there."""
    for topic, sections in added.items():
        if topic in ("http", "jupyterhub"):
            for section, values in sections.items():
                config.setdefault(topic, {}).setdefault(section, {}).update(values)
        else:
            config[topic] = deep_merge(config.get(topic, {}), sections)


def _routes_in(saved: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (path, target, data) of each route that is whole."""
    hub_part = saved.get("jupyterhub")
    routes = hub_part.get("routes") if isinstance(hub_part, dict) else None
    found = []
    for route in routes.values() if isinstance(routes, dict) else ():
        match route:
            case {"routespec": str(routespec), "target": str(target), "data": dict(data)} if routespec.endswith("/"):
                found.append((routespec, target, data))
    return found
