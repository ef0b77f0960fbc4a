"""The file from which HAProxy takes its routes when it starts, and the next hub what they were.

Each route is kept as text, so one change among thousands costs one route's text and the writing of the file. What the hub wants to remember stands in comments.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labyard_hub.backends.haproxy.addresses import address_of, key_of

__all__ = ["Route", "RouteFile"]

_COMMENT = "# "


@dataclass(frozen=True)
class Route:
    """One route of the hub's.

    Attributes
    ----------
    path
        Paths that begin with it, with slashes at both ends; percent-encoded as in a URL. With a host name before it, only that host's.
    target
        URL of a host and port.
    data
        What the hub wants to know of it again.

    Raises
    ------
    ValueError
        If the target cannot be one.
    """

    path: str
    target: str
    data: Mapping[str, Any] = field(default_factory=dict)
    entries: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", {key_of(self.path): address_of(self.target)})

    @property
    def text(self) -> str:
        """Its part of the file."""
        lines = [f"{key} {address}\n" for key, address in self.entries.items()]
        remembered = json.dumps({"path": self.path, "target": self.target, "data": self.data}, separators=(",", ":"))
        return "".join([*lines, _COMMENT, remembered, "\n"])


class RouteFile:
    """What is in the file, and what should be.

    Parameters
    ----------
    path
        The file. It says which servers run where, so nobody else may read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._texts: dict[str, str] = {}
        self._written = hashlib.blake2b()

    def load(self) -> dict[str, Route]:
        """Return the routes that were written last, by path; none where there was no file. What is left of a damaged file is taken."""
        try:
            text = self.path.read_text(errors="replace")
        except OSError:
            return {}
        routes = {}
        for line in text.splitlines():
            if line.startswith(_COMMENT) and (route := _remembered(line.removeprefix(_COMMENT))) is not None:
                routes[route.path] = route
                self._texts[route.path] = route.text
        self._written = hashlib.blake2b(self.text().encode())
        return routes

    def put(self, route: Route) -> str:
        """Note that this route should be there, and return its part of the file."""
        text = self._texts[route.path] = route.text
        return text

    def append(self, text: str) -> None:
        """Add to the file; OSError, FileNotFoundError among them, where it cannot be done, and then there may be a part of it."""
        self._written.update(text.encode())
        with open(self.path, "a", opener=lambda path, flags: os.open(path, flags & ~os.O_CREAT)) as file:
            file.write(text)

    def remove(self, path: str) -> None:
        """Note that there should be no such route."""
        self._texts.pop(path, None)

    def text(self) -> str:
        """Return what the file should hold."""
        return "".join(self._texts.values())

    def write(self, text: str) -> None:
        """Replace the file at once. It waits for no disk: what a crash of the machine takes is of servers that the crash took too."""
        self._written = hashlib.blake2b(text.encode())
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with open(temporary, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(text)
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def is_as_written(self) -> bool:
        """Whether the file holds what was last written, or should have been."""
        try:
            return hashlib.blake2b(self.path.read_bytes()).digest() == self._written.digest()
        except OSError:
            return False


def _remembered(text: str) -> Route | None:
    try:
        match json.loads(text):
            case {"path": str(path), "target": str(target), "data": dict(data)} if path.endswith("/"):
                return Route(path, target, data)
    except ValueError:
        pass
    return None
