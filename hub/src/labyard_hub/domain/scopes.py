"""Which of the hub's scopes open the service and MLflow.

A token that somebody's browser gets at a server lies in that server's memory, where the server's owner can read it. So it opens the service for the owner alone:
the scope names the owner, and a visitor's token cannot have it, whatever they agree to.
"""

from __future__ import annotations

__all__ = [
    "MLFLOW_SCOPE",
    "PROJECTS_SCOPE",
    "PROJECT_GROUP",
    "SERVICE_SCOPE",
    "SERVICE_SCOPES",
    "USE_SCOPE",
    "opens_service",
    "use_scope_of",
]

MLFLOW_SCOPE = "access:services!service=mlflow"
"""Scope that opens MLflow and, without others, nothing else: that of the token that a server's programs send."""

SERVICE_SCOPE = "access:services!service=labyard"
"""Scope that opens the service and MLflow, for any owner of the token."""

SERVICE_SCOPES = (SERVICE_SCOPE, MLFLOW_SCOPE)
"""Scopes that open MLflow. For tokens that no server gets from its visitors."""

USE_SCOPE = "custom:labyard:use"
"""The same for one user, by the filter ``!user``; for tokens that servers get from their visitors."""

PROJECTS_SCOPE = "custom:labyard:projects"
"""Making the users that own projects' servers, and saying who may visit a server. JupyterHub's own scopes for that are ``admin:users``, and ``shares``, which
lets its holder into every server."""

PROJECT_GROUP = "labyard-projects"
"""The hub's group of the users that own projects' servers; starting and stopping is granted for its members alone."""


def use_scope_of(user: str) -> str:
    """Return the scope that opens the service with a token of `user`, and with nobody else's."""
    return f"{USE_SCOPE}!user={user}"


def opens_service(owner: str, scopes: frozenset[str], accepted: tuple[str, ...] = (SERVICE_SCOPE,)) -> bool:
    """Return whether a token of `owner` with the expanded `scopes` opens the service; `accepted` are those that do so without naming the owner."""
    return not scopes.isdisjoint({*accepted, "access:services", use_scope_of(owner)})
