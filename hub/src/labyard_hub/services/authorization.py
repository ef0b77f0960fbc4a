"""Who may do what."""

from __future__ import annotations

from labyard.models.authorization import Authorization, Role
from labyard.models.user import User
from labyard_hub.domain.workspaces import workspace_of

__all__ = ["authorize"]


def authorize(user: User) -> Authorization:
    """Return what `user` may use: their own workspace. Administrators have no right to others'."""
    own = workspace_of(user.name)
    return Authorization(user=user.name, admin=user.admin, workspace=own, workspaces={own: Role.OWNER})
