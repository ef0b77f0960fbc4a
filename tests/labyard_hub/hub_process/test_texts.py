"""Instants and durations for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labyard_hub.hub_process.pages.texts import ago, greeting, span, until

NOW = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "a moment"), (59, "less than a minute"), (60, "1 min"), (7199, "1 h"), (7200, "2 h"), (90000, "1 d")]
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_ago_and_until() -> None:
    assert ago(None) == "never"
    assert ago(NOW - timedelta(minutes=5), NOW) == "5 min ago"
    assert ago((NOW - timedelta(minutes=5)).replace(tzinfo=None), NOW) == "5 min ago"  # JupyterHub's are naive
    assert ago(NOW, NOW) == "just now"
    assert until(NOW + timedelta(days=7, seconds=-30), NOW) == "in 7 d"
    assert until(NOW + timedelta(minutes=30), NOW) == "in 30 min"
    assert until(NOW, NOW) == "over"


def test_greeting() -> None:
    assert [greeting(hour) for hour in (4, 5, 11, 12, 17, 18, 23)] == [
        "Hello", "Good morning", "Good morning", "Good afternoon", "Good afternoon", "Good evening", "Hello",
    ]  # fmt: skip
