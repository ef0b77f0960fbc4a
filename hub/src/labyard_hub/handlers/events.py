"""What happened in projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from labyard.models.project import Event, EventPage
from labyard_hub.domain.events import event_text
from labyard_hub.exceptions import InvalidCursorError
from labyard_hub.handlers.dependencies import Caller, ServicesDependency
from labyard_hub.handlers.errors import errors
from labyard_hub.handlers.paging import open_cursor, seal_cursor
from labyard_hub.handlers.projects import MAX_PAGE, Name

__all__ = ["router"]

router = APIRouter(tags=["events"])


@router.get("/api/v1/projects/{name}/events", responses=errors(404))
async def list_events(
    name: Name,
    caller: Caller,
    services: ServicesDependency,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> EventPage:
    """List what happened, newest first. Owners see links and refusals too."""
    last = open_cursor(cursor)
    if last is not None and not (last.isascii() and last.isdecimal() and len(last) < 19):
        raise InvalidCursorError
    found = await services.activity.list(caller, name, before=int(last) if last is not None else None, limit=limit + 1)
    events = [
        Event(
            id=event.id,
            at=event.at,
            actor=event.actor,
            action=event.action,
            subject=event.subject,
            details=event.details,
            text=event_text(event.action, event.actor, event.subject, event.details),
        )
        for event in found[:limit]
    ]
    return EventPage(events=events, next_cursor=seal_cursor(events[-1].id) if len(found) > limit else None)
