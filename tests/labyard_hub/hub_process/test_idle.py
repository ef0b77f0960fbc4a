"""When a server is stopped, and what it says; the hub's database row is a stand-in here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import LoggingConfigurable

from labyard_hub.hub_process.idle import TimedSpawner, activity_interval_seconds

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3600.0


class Running(LoggingConfigurable):
    async def poll_and_notify(self) -> None:
        return None


class Timed(TimedSpawner, Running):
    ready = False  # the hub would stop it itself


def server(*, chosen: float | None = None, limit: float | None = None, session: float | None = None) -> Any:
    made: Any = Timed()
    made.starts = SimpleNamespace(idle_limit_seconds=limit, now=lambda: BEGAN)
    made.granted = SimpleNamespace(idle_seconds=chosen, maximum_session_seconds=session, granted_at=BEGAN)
    made.orm_spawner = SimpleNamespace(last_activity=BEGAN.replace(tzinfo=None))  # as JupyterHub's
    made.watched_since = BEGAN
    return made


def told_after(made: Any, hours: float, used: float = 0) -> str:
    made.starts.now = lambda: BEGAN + timedelta(hours=hours)
    made.orm_spawner.last_activity = (BEGAN + timedelta(hours=used)).replace(tzinfo=None)
    return str(made.time_is_up())


@pytest.mark.parametrize(
    ("chosen", "limit", "told"),
    [
        (HOUR, None, "It was stopped after nobody had used it for 1 h, as was chosen at its start."),
        (HOUR, 4 * HOUR, "It was stopped after nobody had used it for 1 h, as was chosen at its start."),
        (None, HOUR, "It was stopped after nobody had used it for 1 h."),
        (None, None, ""),
    ],
)
def test_an_idle_server_is_stopped_by_the_shorter_time(chosen: float | None, limit: float | None, told: str) -> None:
    made = server(chosen=chosen, limit=limit)
    assert told_after(made, 0.99) == ""
    assert told_after(made, 7, used=6.1) == ""
    assert told_after(made, 7, used=6) == told


def test_a_session_ends_even_if_it_is_used() -> None:
    made = server(limit=HOUR, session=8 * HOUR)
    assert told_after(made, 7.9, used=7.9) == ""
    assert "8 h after its start" in told_after(made, 8, used=8)
    assert made.session_ends_at == BEGAN + timedelta(hours=8)


async def test_a_hub_that_was_away_first_hears_from_its_servers() -> None:
    """What it knows of their use is as old as its absence: it was killed, or the whole machine slept."""
    made = server(limit=HOUR)
    made.watched_since = None
    for minutes, idle in ((0, False), (4, False), (180, False), (184, False), (188, False), (192, False), (196, True)):
        made.starts.now = lambda minutes=minutes: BEGAN + timedelta(minutes=minutes)
        await made.poll_and_notify()
        assert bool(made.time_is_up()) is idle, minutes


@pytest.mark.parametrize(("idle", "interval"), [(None, 300), (4 * HOUR, 300), (600, 100), (30, 5), (2, 1)])
def test_servers_report_often_enough(idle: float | None, interval: int) -> None:
    assert activity_interval_seconds(idle) == interval
