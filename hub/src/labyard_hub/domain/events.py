"""What can happen in a project, and how it reads."""

from __future__ import annotations

from typing import Any

__all__ = ["PLATFORM", "event_text", "is_audit_only"]

PLATFORM = "labyard"
"""The actor of what nobody did; a reserved name, so no user's."""

_TEXTS = {
    "project.created": "{actor} created the project",
    "project.changed": "{actor} changed the {fields}",
    "project.archived": "{actor} archived the project",
    "project.restored": "{actor} restored the project",
    "project.deleted": "{actor} deleted the project",
    "project.transferred": "{actor} handed the project over to {subject}",
    "member.added": "{actor} added {subject} as {role}",
    "member.joined": "{actor} joined as {role} by a link of {link_by}",
    "member.role_changed": "{actor} changed the role of {subject} from {former_role} to {role}",
    "member.removed": "{actor} removed {subject}",
    "member.left": "{actor} left",
    "member.gone": "{subject} is not on the platform any more",
    "owner.promoted": "{subject} became an owner, since the last owner is gone",
    "owner.named": "{actor}, an administrator, made {subject} the owner, since the last owner was gone",
    "link.created": "{actor} made a link to join as {role}",
    "link.revoked": "{actor} revoked a link to join as {role}",
    "server.started": "{actor} started the project's server",
    "server.stopped": "{actor} stopped the project's server",
    "tool.shared": "{actor} shared {title}",
    "tool.unshared": "{actor} stopped sharing {title}",
    "model.shared": "{actor} shared the model {subject} with {target}",
    "model.unshared": "{actor} stopped sharing the model {subject} with {target}",
    "model.received": "{actor} shared the model {subject} of {source} with this project",
    "access.refused": "{actor} was refused: {what}",
}
_AUDIT_ONLY = frozenset({"link.created", "link.revoked", "access.refused"})


class _Values(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def event_text(action: str, actor: str, subject: str | None, details: dict[str, Any]) -> str:
    """Return an event as a sentence; one of a newer Labyard, which this one does not know, as its bare facts."""
    values = {name: " and ".join(value) if isinstance(value, list) else value for name, value in details.items()}
    template = _TEXTS.get(action, "{actor}: {action} {subject}")
    return template.format_map(_Values({**values, "actor": actor, "action": action, "subject": subject or ""})).rstrip()


def is_audit_only(action: str) -> bool:
    """Whether only owners see events of this kind.

    Raises
    ------
    KeyError
        If there is no such kind.
    """
    if action not in _TEXTS:
        raise KeyError(action)
    return action in _AUDIT_ONLY
