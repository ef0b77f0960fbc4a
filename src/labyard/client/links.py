"""Links to join projects."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from labyard.client.calls import Call, Pages, Resource, TransportT, endpoint, paged, path
from labyard.models.project import Link, LinkCreate
from labyard.models.project import Links as LinksPage
from labyard.permissions import Role

__all__ = ["Links", "link_token"]


def link_token(link: str) -> str:
    """Return the secret of a link: the end of its address, or `link` itself."""
    return unquote(urlsplit(link.strip()).path.rstrip("/").rpartition("/")[2]) if "/" in link else link.strip()


class Links(Resource[TransportT]):
    """``client.projects.links``: links that let anyone who opens them join, signed in under their own name.

    `Link.url` is a path: ``client.address(link.url)`` is the whole address, which holds the secret.
    """

    @paged
    def list(self, project: str) -> Pages[LinksPage, Link]:
        """Iterate over the links that work. For owners."""
        return Pages(Call("GET", path("projects", project, "links"), LinksPage), lambda page: page.links, lambda _: None)

    @endpoint
    def create(
        self, project: str, *, role: Role | str = Role.VIEWER, expires_in_seconds: int = 7 * 86400, max_uses: int | None = None
    ) -> Call[Link]:
        """Make a link.

        Parameters
        ----------
        role
            Editor or viewer.
        max_uses
            How many people may join by it; None: no limit.
        """
        body = LinkCreate.model_validate({"role": role, "expires_in_seconds": expires_in_seconds, "max_uses": max_uses})
        return Call("POST", path("projects", project, "links"), Link, body=body)

    @endpoint
    def revoke(self, project: str, link: str) -> Call[None]:
        """End the link with the identifier `link`.

        Raises
        ------
        labyard.exceptions.LinkNotFoundError
            If there is none.
        """
        return Call("DELETE", path("projects", project, "links", link), None)
