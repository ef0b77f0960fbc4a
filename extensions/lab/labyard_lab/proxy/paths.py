"""Which tool a URL path of this server is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tornado import httputil, routing

__all__ = ["ToolPath", "ToolPaths"]

_TOOLS = "labyard/tools/"


@dataclass(frozen=True)
class ToolPaths:
    """The paths of tools.

    Attributes
    ----------
    base_url
        URL path of the server, with a trailing slash.
    mounted
        Returns the tool that has the first part of a path to itself; None if no tool has.
    """

    base_url: str
    mounted: Callable[[str], str | None] = lambda _: None

    @property
    def tools(self) -> str:
        """Where instances are served, with a trailing slash."""
        return self.base_url + _TOOLS

    def instance(self, path: str) -> str | None:
        """Return the identifier of the instance that `path` is for; None if it is for none."""
        if not path.startswith(self.base_url):
            return None
        if path.startswith(self.tools):
            return path[len(self.tools) :].partition("/")[0] or None
        return self.mounted(path[len(self.base_url) :].partition("/")[0])


class ToolPath(routing.Matcher):
    """Matches paths of tools, of websockets or of all else."""

    def __init__(self, paths: ToolPaths, *, websocket: bool) -> None:
        self._paths, self._websocket = paths, websocket

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        """Return no arguments for the handler; None if it does not match."""
        wants_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        return {} if wants_websocket is self._websocket and self._paths.instance(request.path) is not None else None
