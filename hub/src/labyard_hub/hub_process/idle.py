"""Stops servers that nobody uses, and servers whose session is over. The only place that does so, in both ways of running.

A server tells the hub when it was last used; `labyard_lab.activity` decides there what counts as use.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from traitlets.config import LoggingConfigurable

from labyard.units import format_seconds

__all__ = ["TimedSpawner", "activity_interval_seconds"]

REPORTS_TO_AWAIT = 3
"""A hub that was away knows old instants only. It waits for this many reports of a server before it takes the server for idle."""
ABSENCE_SECONDS = 300.0
"""A hub that did not look for longer was away, as on a machine that slept."""


def activity_interval_seconds(idle_timeout_seconds: float | None) -> int:
    """Return how often servers tell the hub of their activity: JupyterHub's five minutes, or a sixth of a short idle timeout."""
    return 300 if idle_timeout_seconds is None else max(1, min(300, int(idle_timeout_seconds / 6)))


class TimedSpawner(LoggingConfigurable):
    """Ends a spawner's server when its time is up. The second base is one of JupyterHub's spawners."""

    user: Any
    name: Any
    orm_spawner: Any
    ready: Any
    starts: Any
    granted: Any
    _log_name: Any

    ended = ""
    """Why the last server was stopped, where that was by its time."""
    _ending: asyncio.Task[None] | None = None
    watched_since: datetime | None = None
    """Since when this hub has looked at the server without a pause."""
    _looked_at: datetime | None = None

    @property
    def idle_seconds(self) -> float | None:
        """Idle time after which the server is stopped: the shorter of the owner's choice and the administrator's limit. None: never."""
        return min((one for one in (self._chosen_idle_seconds, self.starts.idle_limit_seconds) if one is not None), default=None)

    @property
    def _chosen_idle_seconds(self) -> float | None:
        chosen: float | None = self.granted.idle_seconds if self.granted is not None else None
        return chosen

    @property
    def session_ends_at(self) -> datetime | None:
        """When the server is stopped even if it is used; None: never."""
        granted = self.granted
        if granted is None or granted.maximum_session_seconds is None:
            return None
        ends_at: datetime = granted.granted_at + timedelta(seconds=granted.maximum_session_seconds)
        return ends_at

    def time_is_up(self) -> str:
        """Return why the server is to be stopped now, in a sentence; empty while it may run."""
        now = self.starts.now()
        ends_at = self.session_ends_at
        if ends_at is not None and now >= ends_at:
            return f"It was stopped {format_seconds(self.granted.maximum_session_seconds)} after its start, which is the longest that its profile allows."
        limit = self.idle_seconds
        if limit is not None and self._unused_seconds(now, limit) >= limit:
            why = ", as was chosen at its start" if limit == self._chosen_idle_seconds else ""
            return f"It was stopped after nobody had used it for {format_seconds(limit)}{why}."
        return ""

    def _unused_seconds(self, now: datetime, limit: float) -> float:
        """Return how long the server has been idle; 0 while this hub has not watched it for long enough to know."""
        last: datetime | None = self.orm_spawner.last_activity
        watched = (now - self.watched_since).total_seconds() if self.watched_since is not None else 0.0
        if last is None or watched < REPORTS_TO_AWAIT * activity_interval_seconds(limit):
            return 0.0
        return (now - last.replace(tzinfo=UTC)).total_seconds()

    def _note_look(self) -> None:
        now = self.starts.now()
        if self._looked_at is None or (now - self._looked_at).total_seconds() > ABSENCE_SECONDS:
            self.watched_since = now
        self._looked_at = now

    async def poll_and_notify(self) -> Any:
        """Look whether the server still runs, as JupyterHub does every half minute, and whether its time is up."""
        status = await super().poll_and_notify()  # type: ignore[misc]  # the second base has it
        self._note_look()
        if status is None and self._ending is None and self.ready and (reason := self.time_is_up()):
            self._ending = asyncio.create_task(self._end(reason))
        return status

    async def _end(self, reason: str) -> None:
        self.log.info("stopping %s: %s", self._log_name, reason)
        self.ended = reason
        try:
            await self.user.settings["proxy"].delete_user(self.user, self.name)
            await self.user.stop(self.name)
        except Exception:
            self.log.exception("could not stop %s, which is tried again", self._log_name)
        finally:
            self._ending = None
