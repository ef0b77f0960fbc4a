"""What pages say about servers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from jupyterhub.utils import url_path_join

from labyard_hub.hub_plugins.hub_spawners import failure_text, has_failed
from labyard_hub.hub_plugins.pages.texts import ago, span

__all__ = ["ServerView", "view_servers"]

State = Literal["running", "starting", "stopping", "failed", "stopped"]
_PENDING: dict[str | None, State] = {"spawn": "starting", "check": "starting", "stop": "stopping"}


@dataclass(frozen=True)
class ServerView:
    """One server of a person, as pages show it.

    Attributes
    ----------
    name
        Empty for the default server.
    title
        What people call it.
    path
        The part of a page's address that names it: ``ada`` or ``ada/gpu``.
    url
        Where it answers, with a slash at the end.
    facts
        Short sentences about it, such as how long it runs.
    problem
        Why the last start failed; empty where it did not.
    """

    name: str
    title: str
    path: str
    url: str
    state: State
    facts: tuple[str, ...]
    problem: str


def view_servers(user: Any, now: datetime | None = None) -> list[ServerView]:
    """Return the servers of a hub user, the default one first."""
    user.spawners[""]  # makes the default one if it never ran
    return [_view(user, spawner, now or datetime.now(UTC)) for spawner in user.all_spawners()]


def _view(user: Any, spawner: Any, now: datetime) -> ServerView:
    name: str = spawner.name
    state: State = _PENDING.get(spawner.pending, "starting") if spawner.pending else "running" if spawner.ready else "stopped"
    problem = ""
    if state == "stopped" and has_failed(spawner):
        state = "failed"
        problem = failure_text(spawner)
    orm_spawner = getattr(spawner, "orm_spawner", spawner)
    facts = []
    if state == "running":
        if orm_spawner.started:
            facts.append(f"running {span((now - _aware(orm_spawner.started)).total_seconds())}")
        if orm_spawner.last_activity:
            facts.append(f"last used {ago(_aware(orm_spawner.last_activity), now)}")
    elif state in ("stopped", "failed") and orm_spawner.last_activity:
        facts.append(f"last used {ago(_aware(orm_spawner.last_activity), now)}")
    return ServerView(
        name=name,
        title=(getattr(orm_spawner, "display_name", None) or name) if name else "default",
        path=url_path_join(user.escaped_name, name) if name else user.escaped_name,
        url=user.server_url(name),
        state=state,
        facts=tuple(facts),
        problem=problem,
    )


def _aware(instant: datetime) -> datetime:
    """JupyterHub's database has naive instants in UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
