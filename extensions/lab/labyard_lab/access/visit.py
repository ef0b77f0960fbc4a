"""One request of a person who was let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from labyard_lab.access.servers import Ask

__all__ = ["Visit", "is_viewer", "note_visit", "target_of", "visit_of"]

_VISIT, _TARGET = "_labyard_visit", "_labyard_target"


@dataclass(frozen=True)
class Visit:
    """What was asked for, and whether the visitor may do more than look."""

    ask: Ask
    acts: bool


def note_visit(handler: Any, visit: Visit) -> None:
    """Note at the handler of a request that it was let in."""
    setattr(handler, _VISIT, visit)


def visit_of(handler: Any) -> Visit | None:
    """Return the visit that `handler` serves; None if nobody was let in."""
    return cast("Visit | None", getattr(handler, _VISIT, None))


def is_viewer(handler: Any) -> bool:
    """Whether `handler` serves a person who may look and change nothing."""
    visit = visit_of(handler)
    return visit is not None and not visit.acts


def target_of(handler: Any) -> type:
    """Return the class that was registered for a route, which the gate's own class extends."""
    kind: type = type(handler)
    return cast("type", getattr(kind, _TARGET, kind))
