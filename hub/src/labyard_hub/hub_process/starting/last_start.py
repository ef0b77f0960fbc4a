"""What JupyterHub knows of a start but has no public name for, in one place."""

from __future__ import annotations

import asyncio
from typing import Any

from labyard_hub.hub_process.starting.failures import StartFailure, explain

__all__ = ["cancel_start", "explain_failure", "failure", "failure_text", "has_failed", "mark_fresh"]

CANCEL_TIMEOUT_SECONDS = 5


def has_failed(spawner: Any) -> bool:
    """Whether the last start of a server failed."""
    return not spawner.active and failure(spawner) is not None


def failure(spawner: Any) -> BaseException | None:
    """Return why the last start of a server failed."""
    task = getattr(spawner, "_spawn_future", None)
    return task.exception() if task is not None and task.done() and not task.cancelled() else None


def failure_text(spawner: Any) -> str:
    """Return why the last start of a server failed, in a sentence for its owner; what was not meant for them stays in the log."""
    return explain_failure(spawner).sentence


def explain_failure(spawner: Any) -> StartFailure:
    """Return why the last start of a server failed, and what to do."""
    return explain(failure(spawner), getattr(spawner, "start_timeout", None))


async def cancel_start(spawner: Any) -> None:
    """End a start that is under way; the server may have a process by then, which `stop` ends."""
    task = getattr(spawner, "_spawn_future", None)
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_TIMEOUT_SECONDS)


def mark_fresh(user: Any, now: float) -> None:
    """Tell JupyterHub that a user's role is as the store has it at `now`."""
    user._auth_refreshed = now  # noqa: SLF001
