"""Running tools that members of a project share."""

from __future__ import annotations

from labyard.client.calls import Call, Pages, Resource, TransportT, endpoint, paged, path
from labyard.models.sharing import ToolShare, ToolShareCreate, ToolShares

__all__ = ["SharedTools"]


class SharedTools(Resource[TransportT]):
    """``client.projects.tools``: running tools of members' own servers that the others can open."""

    @paged
    def list(self, project: str) -> Pages[ToolShares, ToolShare]:
        """Iterate over them."""
        return Pages(Call("GET", path("projects", project, "tools"), ToolShares), lambda page: page.tools, lambda _: None)

    @endpoint
    def share(self, project: str, instance: str, *, title: str, server: str = "") -> Call[ToolShare]:
        """Share a running tool of the caller's own server.

        Parameters
        ----------
        instance
            Identifier of the tool instance in that server.
        server
            Name of the caller's server; empty for the default one.
        """
        body = ToolShareCreate(server=server, instance=instance, title=title)
        return Call("POST", path("projects", project, "tools"), ToolShare, body=body)

    @endpoint
    def unshare(self, project: str, share: str) -> Call[None]:
        """Stop sharing the tool with the share's identifier `share`.

        Raises
        ------
        labyard.exceptions.ShareNotFoundError
            If there is none.
        """
        return Call("DELETE", path("projects", project, "tools", share), None)
