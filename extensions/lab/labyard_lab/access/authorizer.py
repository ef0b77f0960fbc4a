"""Jupyter Server's authorizers: a second look behind the gate, by what the handler itself says that it is about to do."""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.auth import Authorizer

from labyard_lab.access.policy import serves_viewers
from labyard_lab.access.visit import visit_of

__all__ = ["PersonalAuthorizer", "VisitorAuthorizer"]


class VisitorAuthorizer(Authorizer):
    """On a project's server, lets nobody do anything whom the gate has not let in, and viewers read.

    A server whose gate is missing, because the extension did not load, so serves nobody.
    """

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:  # noqa: ARG002  # Jupyter Server's signature
        """Return whether `user` may."""
        visit = visit_of(handler)
        if visit is None or user is None or user.username != visit.ask.user:
            return False
        return visit.acts or action == "read" or serves_viewers(visit.ask.handler)


class PersonalAuthorizer(VisitorAuthorizer):
    """On a personal server, lets its owner do everything, and others what the gate has let in.

    A server without the gate, because its owner has switched the extension off, so serves its owner alone.
    """

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Return whether `user` may."""
        if user is not None and user.username == os.environ.get("JUPYTERHUB_USER"):
            return True
        return super().is_authorized(handler, user, action, resource)
