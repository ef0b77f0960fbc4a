"""The role matrix: who may do what in a project. The service, the documentation and the tests all read this one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from labyard.models.authorization import Role

__all__ = ["MATRIX", "Action", "Permission", "allows"]

_RANK = {Role.VIEWER: 1, Role.EDITOR: 2, Role.OWNER: 3}


class Action(StrEnum):
    """Something that can be done in a project."""

    SEE = "see"
    SEE_ACTIVITY = "see-activity"
    READ_FILES = "read-files"
    READ_TRACKING = "read-tracking"
    OPEN_SERVER = "open-server"
    OPEN_SHARED_TOOL = "open-shared-tool"
    LEAVE = "leave"
    WRITE_FILES = "write-files"
    WRITE_TRACKING = "write-tracking"
    WORK_IN_SERVER = "work-in-server"
    STOP_SERVER = "stop-server"
    SHARE_TOOL = "share-tool"
    SHARE_MODEL = "share-model"
    CHANGE = "change"
    MANAGE_MEMBERS = "manage-members"
    MANAGE_LINKS = "manage-links"
    SEE_AUDIT = "see-audit"
    ARCHIVE = "archive"
    DELETE = "delete"
    TRANSFER = "transfer"


@dataclass(frozen=True)
class Permission:
    """One row of the matrix.

    Attributes
    ----------
    role
        The least role that may.
    text
        What it means, for people.
    archived
        Whether it is still allowed once the project is archived.
    """

    role: Role
    text: str
    archived: bool = False


MATRIX: dict[Action, Permission] = {
    Action.SEE: Permission(Role.VIEWER, "See the project, its members and its state", archived=True),
    Action.SEE_ACTIVITY: Permission(Role.VIEWER, "See who joined, left and changed what", archived=True),
    Action.READ_FILES: Permission(Role.VIEWER, "List and read files in its folder", archived=True),
    Action.READ_TRACKING: Permission(Role.VIEWER, "Read its runs, artifacts and models in MLflow", archived=True),
    Action.OPEN_SERVER: Permission(Role.VIEWER, "Start and open the project's server; look at what others do there"),
    Action.OPEN_SHARED_TOOL: Permission(Role.VIEWER, "Open a tool that a member shares with the project"),
    Action.LEAVE: Permission(Role.VIEWER, "Leave; the last owner cannot", archived=True),
    Action.WRITE_FILES: Permission(Role.EDITOR, "Create, change and delete files, also those that others made"),
    Action.WRITE_TRACKING: Permission(Role.EDITOR, "Log runs, register models and label data"),
    Action.WORK_IN_SERVER: Permission(Role.EDITOR, "Edit together, run kernels, terminals and tools in the project's server"),
    Action.STOP_SERVER: Permission(Role.EDITOR, "Stop the project's server"),
    Action.SHARE_TOOL: Permission(Role.EDITOR, "Share a running tool of one's own with the members"),
    Action.SHARE_MODEL: Permission(Role.EDITOR, "Share a registered model with another project or person, and end that"),
    Action.CHANGE: Permission(Role.OWNER, "Change the display name and the description"),
    Action.MANAGE_MEMBERS: Permission(Role.OWNER, "Add and remove members and change their roles"),
    Action.MANAGE_LINKS: Permission(Role.OWNER, "Make, see and revoke links to join"),
    Action.SEE_AUDIT: Permission(Role.OWNER, "See every audit event, refusals among them", archived=True),
    Action.ARCHIVE: Permission(Role.OWNER, "Archive and restore the project", archived=True),
    Action.DELETE: Permission(Role.OWNER, "Delete the project", archived=True),
    Action.TRANSFER: Permission(Role.OWNER, "Hand the project over to another member"),
}
"""Least role by action."""


def allows(role: Role | None, action: Action, *, archived: bool = False) -> bool:
    """Return whether a member with `role` may do `action`; None is somebody who is no member."""
    permission = MATRIX[action]
    return role is not None and _RANK[role] >= _RANK[permission.role] and (permission.archived or not archived)
