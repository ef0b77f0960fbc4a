"""The file from which Traefik takes its routes, kept as text per route, so that one start among thousands costs one route's text and no more.

The first line is the configuration as JSON, which is YAML and takes Traefik and Python a small part of what either needs for YAML. The second is a comment with
what the hub wants to remember of each route: Traefik would read it in full and throw it away.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

__all__ = ["RoutesFile"]

COMMENT = "\n# "
BY_ROUTE = ("routers", "services")


class RoutesFile:
    """What is in the file, and what should be.

    Parameters
    ----------
    path
        The file. It holds the hash of the proxy's password, so nobody else may read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_route: dict[str, dict[str, str]] = {section: {} for section in BY_ROUTE}
        self._hub: dict[str, str] = {}
        self._other: dict[str, Any] = {}
        self._written: str | None = None

    def load(self) -> dict[str, Any]:
        """Return what the last hub remembered under ``jupyterhub``; FileNotFoundError where there was none."""
        line, found, comment = self._path.read_text().partition(COMMENT)
        try:
            data = json.loads(comment if found else line)
        except ValueError:
            # Half a file, after a crash of the machine: the hub writes all routes anew.
            return {}
        if not isinstance(data, dict):
            return {}
        # Before there was a comment, it stood in the configuration.
        return {"jupyterhub": data} if found else data

    def put(self, config: dict[str, Any]) -> None:
        """Add `config` to what should be in the file; it replaces routers, services and remembered routes of the same names."""
        for section, values in config.get("http", {}).items():
            if section in self._by_route:
                self._by_route[section].update((alias, _entry(alias, value)) for alias, value in values.items())
            else:
                self._other.setdefault("http", {}).setdefault(section, {}).update(values)
        self._hub.update((alias, _entry(alias, route)) for alias, route in config.get("jupyterhub", {}).get("routes", {}).items())
        self._other.update((key, value) for key, value in config.items() if key not in ("http", "jupyterhub"))

    def remove(self, section: str, alias: str) -> None:
        """Remove a router or a service, or under ``routes`` what is remembered of a route."""
        (self._hub if section == "routes" else self._by_route[section]).pop(alias, None)

    def text(self, marker: str) -> str:
        """Return what the file should hold; `marker` is the name of a middleware that nobody uses, by which the proxy can be asked whether it has this."""
        http = self._other.get("http", {})
        middlewares = {**http.get("middlewares", {}), marker: {"stripPrefix": {"prefixes": ["/"]}}}
        parts = [f'"{key}":{json.dumps(value)}' for key, value in {**http, "middlewares": middlewares}.items()]
        # Traefik takes no empty ones.
        parts += [f'"{section}":{{{",".join(texts.values())}}}' for section, texts in self._by_route.items() if texts]
        rest = "".join(f',"{key}":{json.dumps(value)}' for key, value in self._other.items() if key != "http")
        return f'{{"http":{{{",".join(parts)}}}{rest}}}{COMMENT}{{"routes":{{{",".join(self._hub.values())}}}}}\n'

    def write(self, text: str) -> None:
        """Replace the file at once. It waits for no disk: what a crash of the machine takes is of servers that the crash took too."""
        self._written = text
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with open(temporary, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(text)
            temporary.replace(self._path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def is_as_written(self) -> bool:
        """Whether the file holds what was last written, or should have been."""
        try:
            return self._path.read_text() == self._written
        except (OSError, ValueError):
            return False


def _entry(alias: str, value: Any) -> str:
    return f"{json.dumps(alias)}:{json.dumps(value, separators=(',', ':'))}"
