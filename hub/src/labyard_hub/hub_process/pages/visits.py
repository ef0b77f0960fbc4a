"""What JupyterHub shows on the way to a server of somebody else: the progress of its start, and the question whether it may know who comes."""

from __future__ import annotations

import inspect
from typing import Any
from urllib.parse import urlencode

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.handlers.pages import SpawnPendingHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from labyard_hub.domain.projects import is_project_id

__all__ = ["ConsentHandler", "PendingHandler", "project_name"]

ENTERED = "labyard_entered"
"""Argument of a browser that comes from the service, so that it is not sent there twice."""


def project_name(project_id: str) -> str:
    """Return what people call the project."""
    return project_id.rpartition("--")[0]


class PendingHandler(SpawnPendingHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Shows how a start gets on to anyone who may see the server, such as a member of the project that it belongs to.

    JupyterHub's own page is for those who may start and stop it.
    """

    get = web.authenticated(needs_scope("read:servers")(inspect.unwrap(SpawnPendingHandler.get)))


class ConsentHandler(OAuthAuthorizeHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Asks before a server is told who comes, but for a project's own: its members know one another, and it gets a token that opens nothing else.

    The hub does not know a member who has not opened the project's server before. The service does, so their browser goes there and comes back.
    """

    @web.authenticated
    async def get(self) -> None:
        """Lead on to the server, by the service where the hub knows no right of the visitor to a project's server."""
        client = self.oauth_provider.fetch_by_client_id(self.get_argument("client_id", ""))
        spawner = client.spawner if client is not None else None
        if (
            spawner is None
            or not is_project_id(spawner.user.name)
            or self.get_scope_filter("access:servers")(spawner, kind="server")
            or self.get_argument(ENTERED, "")
        ):
            await super().get()
            return
        query = urlencode({"next": f"{self.request.uri}&{ENTERED}=1"})
        self.redirect(f"{self.base_url}services/labyard/projects/{project_name(spawner.user.name)}/enter?{query}")

    def needs_oauth_confirm(self, user: Any, oauth_client: Any, requested_scopes: Any) -> bool:
        """Return whether to ask."""
        spawner = oauth_client.spawner
        if spawner is not None and is_project_id(spawner.user.name):
            return not all(scope.startswith("access:servers!server=") for scope in oauth_client.allowed_scopes)
        return bool(super().needs_oauth_confirm(user, oauth_client, requested_scopes))
