"""What JupyterHub shows on the way to a server of somebody else: the progress of its start, and the question whether it may know who comes."""

from __future__ import annotations

import inspect
from typing import Any

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.handlers.pages import SpawnPendingHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from labyard_hub.domain.projects import is_project_id

__all__ = ["ConsentHandler", "PendingHandler", "project_name"]


def project_name(project_id: str) -> str:
    """Return what people call the project."""
    return project_id.rpartition("--")[0]


class PendingHandler(SpawnPendingHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Shows how a start gets on to whoever may see the server, such as a member of the project that it belongs to.

    JupyterHub's own page is for those who may start and stop it.
    """

    get = web.authenticated(needs_scope("read:servers")(inspect.unwrap(SpawnPendingHandler.get)))


class ConsentHandler(OAuthAuthorizeHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Asks before a server is told who comes, but for a project's own: its members know one another, and it gets a token that opens nothing else."""

    def needs_oauth_confirm(self, user: Any, oauth_client: Any, requested_scopes: Any) -> bool:
        """Return whether to ask."""
        spawner = oauth_client.spawner
        if spawner is not None and is_project_id(spawner.user.name):
            return not all(scope.startswith("access:servers!server=") for scope in oauth_client.allowed_scopes)
        return bool(super().needs_oauth_confirm(user, oauth_client, requested_scopes))
