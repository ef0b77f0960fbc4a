"""How the hub tells the proxy its routes: a file that Traefik watches.

JSON is YAML, and writing it takes a small part of what a YAML library takes; with thousands of servers the file is written on every start and stop.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy
from traitlets import default, observe

from labyard_hub.config.state import write_atomically

__all__ = ["LabyardProxy"]


class _RoutesFile:
    """Reads and writes the routes; the interface is jupyterhub-traefik-proxy's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Any]:
        """Return the routes of the last hub; FileNotFoundError where there were none."""
        try:
            routes: dict[str, Any] = json.loads(self._path.read_text())
        except ValueError:
            # Half a file, after a crash of the machine: the hub writes all routes anew.
            return {}
        return routes

    def atomic_dump(self, data: dict[str, Any]) -> None:
        """Replace the routes at once, readable by nobody else: the file holds the hash of the proxy's password."""
        write_atomically(self._path, json.dumps(data), mode=0o600)


class LabyardProxy(TraefikFileProviderProxy):  # type: ignore[misc]  # it carries no types
    """Traefik by the file provider, started by the supervisor and not by the hub."""

    @default("dynamic_config_handler")
    def _default_handler(self) -> _RoutesFile:
        return _RoutesFile(Path(self.dynamic_config_file))

    @observe("dynamic_config_file")
    def _set_dynamic_config_file(self, change: Any) -> None:
        self.dynamic_config_handler = _RoutesFile(Path(change["new"]))
