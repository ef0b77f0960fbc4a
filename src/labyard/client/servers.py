"""The server that a project's members work in together."""

from __future__ import annotations

from labyard.client.calls import Call, Resource, TransportT, endpoint, path
from labyard.models.sharing import ProjectServer

__all__ = ["Server"]


class Server(Resource[TransportT]):
    """``client.projects.server``: a project's own server.

    `ProjectServer.url` is a path: ``client.address(server.url)`` is what to open in a browser.
    """

    @endpoint
    def status(self, project: str) -> Call[ProjectServer]:
        """Tell where it stands."""
        return Call("GET", path("projects", project, "server"), ProjectServer)

    @endpoint
    def start(self, project: str) -> Call[ProjectServer]:
        """Start it if it does not run, and let the caller in. It need not be ready when this returns."""
        return Call("POST", path("projects", project, "server"), ProjectServer)

    @endpoint
    def stop(self, project: str) -> Call[None]:
        """Stop it, for everybody."""
        return Call("DELETE", path("projects", project, "server"), None)
