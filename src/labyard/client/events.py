"""What happened in projects."""

from __future__ import annotations

from labyard.client.calls import Call, Pages, Resource, TransportT, paged, path
from labyard.models.project import Event, EventPage

__all__ = ["Events"]


class Events(Resource[TransportT]):
    """``client.projects.events``: who did what to whom."""

    @paged
    def list(self, project: str, *, page_size: int = 50) -> Pages[EventPage, Event]:
        """Iterate over what happened, newest first, as far back as there is anything.

        Parameters
        ----------
        page_size
            How many are asked for at a time, 1 to 500.
        """
        call = Call("GET", path("projects", project, "events"), EventPage, {"limit": page_size})
        return Pages(call, lambda page: page.events, lambda page: page.next_cursor)
