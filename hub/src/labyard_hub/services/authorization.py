"""Who may do what."""

from __future__ import annotations

from labyard.models.authorization import Authorization, Role
from labyard.models.user import User
from labyard_hub.domain.workspaces import workspace_of

__all__ = ["authorize"]


def authorize(user: User, generation: int) -> Authorization:
    """Return what `user` may use: their own workspace. Administrators have no right to others'.

    Parameters
    ----------
    generation
        How many people have had the user's name before.
    """
    own = workspace_of(user.name, generation)
    return Authorization(user=user.name, admin=user.admin, workspace=own, workspaces={own: Role.OWNER})
