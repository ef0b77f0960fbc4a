"""Who may do what in a project: the one table that decides.

A role is a column of the table and a capability is a row. The service looks up what a member's role grants and hands the capabilities on; folders, pods, MLflow's gateway,
JupyterLab and the panel go by those and know no role. So a changed row changes all of them, and a new noun brings rows, never comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["MATRIX", "ROLES", "SERVER_ROLE", "Capability", "Permission", "Role", "capabilities_of", "grants"]


class Role(StrEnum):
    """What a member is in a project, from the role that may most to the one that may least."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


ROLES = tuple(Role)
"""All roles, the one that may most first: the only place that ranks them."""


class Capability(StrEnum):
    """Something that a member may do in a project."""

    SEE = "see"
    SEE_ACTIVITY = "see_activity"
    READ_FILES = "read_files"
    READ_TRACKING = "read_tracking"
    OPEN_SERVER = "open_server"
    OPEN_SHARED_TOOL = "open_shared_tool"
    LEAVE = "leave"
    WRITE_FILES = "write_files"
    WRITE_TRACKING = "write_tracking"
    WORK_IN_SERVER = "work_in_server"
    USE_SHARED_TOOL = "use_shared_tool"
    STOP_SERVER = "stop_server"
    SHARE_TOOL = "share_tool"
    SHARE_MODEL = "share_model"
    CHANGE = "change"
    MANAGE_MEMBERS = "manage_members"
    MANAGE_LINKS = "manage_links"
    SEE_AUDIT = "see_audit"
    ARCHIVE = "archive"
    DELETE = "delete"
    TRANSFER = "transfer"


@dataclass(frozen=True)
class Permission:
    """One row of the table.

    Attributes
    ----------
    role
        The least role that has the capability.
    text
        What it means, for people.
    archived
        Whether it remains once the project is archived: an archive freezes what a project holds, not who may read it.
    """

    role: Role
    text: str
    archived: bool = False


MATRIX: dict[Capability, Permission] = {
    Capability.SEE: Permission(Role.VIEWER, "See the project, its members and its state", archived=True),
    Capability.SEE_ACTIVITY: Permission(Role.VIEWER, "See who joined, left and changed what", archived=True),
    Capability.READ_FILES: Permission(Role.VIEWER, "List and read files in its folder", archived=True),
    Capability.READ_TRACKING: Permission(Role.VIEWER, "Read its runs, artifacts and models in MLflow", archived=True),
    Capability.OPEN_SERVER: Permission(Role.VIEWER, "Start and open the project's server; look at what others do there"),
    Capability.OPEN_SHARED_TOOL: Permission(Role.VIEWER, "Open a tool that a member shares with the project, to look"),
    Capability.LEAVE: Permission(Role.VIEWER, "Leave; the last owner cannot", archived=True),
    Capability.WRITE_FILES: Permission(Role.EDITOR, "Create, change and delete files, also those that others made"),
    Capability.WRITE_TRACKING: Permission(Role.EDITOR, "Log runs, register models and label data"),
    Capability.WORK_IN_SERVER: Permission(Role.EDITOR, "Edit together, run kernels, terminals and tools in the project's server"),
    Capability.USE_SHARED_TOOL: Permission(Role.EDITOR, "Change things in a tool that a member shares with the project"),
    Capability.STOP_SERVER: Permission(Role.EDITOR, "Stop the project's server"),
    Capability.SHARE_TOOL: Permission(Role.EDITOR, "Share your own running tools with the members"),
    Capability.SHARE_MODEL: Permission(Role.EDITOR, "Share a registered model with another project or person, and end that", archived=True),
    Capability.CHANGE: Permission(Role.OWNER, "Change the display name and the description"),
    Capability.MANAGE_MEMBERS: Permission(Role.OWNER, "Add and remove members and change their roles", archived=True),
    Capability.MANAGE_LINKS: Permission(Role.OWNER, "Make, see and revoke links to join", archived=True),
    Capability.SEE_AUDIT: Permission(Role.OWNER, "See every audit event, refusals among them", archived=True),
    Capability.ARCHIVE: Permission(Role.OWNER, "Archive and restore the project", archived=True),
    Capability.DELETE: Permission(Role.OWNER, "Delete the project", archived=True),
    Capability.TRANSFER: Permission(Role.OWNER, "Hand the project over to another member", archived=True),
}
"""The least role for each capability."""

SERVER_ROLE = Role.EDITOR
"""The role that a project's own server, its account and its token act with."""


def grants(role: Role | None, capability: Capability, *, archived: bool = False) -> bool:
    """Return whether a member with `role` has `capability`; None is a person who is no member."""
    permission = MATRIX[capability]
    return role is not None and ROLES.index(role) <= ROLES.index(permission.role) and (permission.archived or not archived)


def capabilities_of(role: Role | None, *, archived: bool = False) -> frozenset[Capability]:
    """Return all that a member with `role` may do in a project."""
    return frozenset(one for one in MATRIX if grants(role, one, archived=archived))
