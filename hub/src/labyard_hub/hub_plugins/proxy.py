"""How the hub tells the proxy its routes: a file that Traefik watches.

JSON is YAML, and writing it takes a small part of what a YAML library takes; with thousands of servers the file is written on every start and stop.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bcrypt
from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy
from jupyterhub_traefik_proxy.traefik_utils import deep_merge
from traitlets import default, observe

from labyard_hub.config.state import write_atomically

__all__ = ["LabyardProxy"]


class _RoutesFile:
    """Reads and writes the routes; the interface is jupyterhub-traefik-proxy's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text: str | None = None

    def load(self) -> dict[str, Any]:
        """Return what the last hub wrote; FileNotFoundError where there was none."""
        try:
            data = json.loads(self._path.read_text())
        except ValueError:
            # Half a file, after a crash of the machine: the hub writes all routes anew.
            return {}
        return data if isinstance(data, dict) else {}

    def atomic_dump(self, data: dict[str, Any]) -> None:
        """Replace the routes at once, readable by nobody else: the file holds the hash of the proxy's password."""
        self._text = json.dumps(data)
        write_atomically(self._path, self._text, mode=0o600)

    def is_as_written(self) -> bool:
        """Whether the file holds what was last written, or should have been."""
        try:
            return self._path.read_text() == self._text
        except (OSError, ValueError):
            return False


class LabyardProxy(TraefikFileProviderProxy):  # type: ignore[misc]  # it carries no types
    """Traefik by the file provider, started by the supervisor and not by the hub."""

    @default("dynamic_config_handler")
    def _default_handler(self) -> _RoutesFile:
        return _RoutesFile(Path(self.dynamic_config_file))

    @observe("dynamic_config_file")
    def _set_dynamic_config_file(self, change: Any) -> None:
        self.dynamic_config_handler = _RoutesFile(Path(change["new"]))

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
            config = deep_merge(config, {**traefik_config, "jupyterhub": hub_config})
        return config

    async def check_routes(self, *args: Any, **kwargs: Any) -> Any:
        """Check the routes as the hub does every minute, and first that the proxy was told what the hub believes.

        Upstream compares the hub's servers with its own memory alone. A file that was damaged or could not be written, on a full disk for example, stayed so until
        the next start of a server.
        """
        if self._start_future is None or self._start_future.done():
            async with self.mutex:
                if not self.dynamic_config_handler.is_as_written():
                    self.log.warning("%s is not as it was written, and is written anew", self.dynamic_config_file)
                    self._persist_dynamic_config()
        return await super().check_routes(*args, **kwargs)


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
