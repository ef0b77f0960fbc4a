"""What pages say about servers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from jupyterhub.utils import url_path_join

from labyard.units import format_bytes
from labyard_hub.domain.quotas import needs_of
from labyard_hub.hub_process.pages.texts import ago, span
from labyard_hub.hub_process.starting.last_start import explain_failure, has_failed

__all__ = ["ServerView", "describe_granted", "ended_reason", "view_servers", "what_is_behind"]

State = Literal["running", "starting", "stopping", "failed", "stopped"]
_PENDING: dict[str | None, State] = {"spawn": "starting", "check": "starting", "stop": "stopping"}


WARN_SECONDS = 30 * 60


BEHIND = "You may do more in a project than when this server started. Stop it and start it again to have the folder, or to write in it."


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
        Why the last start failed or was refused; empty where it did neither.
    advice
        What to do about it; empty where `problem` says it.
    ended
        Why it was stopped, where that was not by somebody's hand; empty otherwise.
    safe_start
        Why it runs without its owner's own Jupyter configuration; empty if it has it.
    ends_soon
        Warning before the server is stopped at its time limit; empty otherwise.
    behind
        What it lacks until it is started again; empty where it lacks nothing.
    """

    name: str
    title: str
    path: str
    url: str
    state: State
    facts: tuple[str, ...]
    problem: str
    advice: str = ""
    ended: str = ""
    safe_start: str = ""
    ends_soon: str = ""
    behind: str = ""


def view_servers(user: Any, now: datetime | None = None) -> list[ServerView]:
    """Return the servers of a hub user, the default one first."""
    user.spawners[""]  # makes the default one if it never ran
    return [_view(user, spawner, now or datetime.now(UTC)) for spawner in user.all_spawners()]


def _view(user: Any, spawner: Any, now: datetime) -> ServerView:
    name: str = spawner.name
    state: State = _PENDING.get(spawner.pending, "starting") if spawner.pending else "running" if spawner.ready else "stopped"
    problem = advice = ""
    if state == "stopped" and has_failed(spawner):
        state = "failed"
        told = explain_failure(spawner)
        problem, advice = f"The last start {'was refused' if told.refused else 'failed'}. {told.sentence}", told.advice
    orm_spawner = getattr(spawner, "orm_spawner", spawner)
    facts, ends_soon, safe_start = [], "", ""
    if state in ("running", "starting") and (what := describe_granted(spawner)):
        facts.append(what)
    if state == "running":
        if orm_spawner.started:
            facts.append(f"running {span((now - _aware(orm_spawner.started)).total_seconds())}")
        if orm_spawner.last_activity:
            facts.append(f"last used {ago(_aware(orm_spawner.last_activity), now)}")
        if (ends := getattr(spawner, "session_ends_at", None)) is not None:
            left = max(0.0, (ends - now).total_seconds())
            facts.append(f"will be stopped in {span(left)}")
            if left < WARN_SECONDS:
                ends_soon = f"It will be stopped in {span(left)}, since its profile allows no longer session. Save what you work on, then start it again."
        safe_start = str(getattr(spawner, "safe_start_reason", ""))
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
        advice=advice,
        ends_soon=ends_soon,
        safe_start=safe_start,
        behind=what_is_behind(spawner) if state == "running" else "",
        ended=_ended(orm_spawner) if state == "stopped" else "",
    )


def ended_reason(user: Any, server_name: str) -> str:
    """Return why a server was stopped, where that was not by somebody's hand; empty otherwise."""
    spawner = user.orm_spawners.get(server_name)
    return _ended(spawner) if spawner is not None else ""


def _ended(orm_spawner: Any) -> str:
    return str((orm_spawner.state or {}).get("ended", ""))


def describe_granted(spawner: Any) -> str:
    """Return what a server was started with, such as ``GPU · pytorch-cuda · 8 CPU · 32 GiB · 1 GPU``; empty where there is nothing to tell apart."""
    granted = getattr(spawner, "granted", None)
    if granted is None:
        return ""
    parts = [granted.title] if len(spawner.starts.settings.profiles) > 1 else []
    if granted.image:
        parts.append(granted.image)
    usage = granted.usage
    if usage.cpu_cores:
        parts.append(f"{usage.cpu_cores:g} CPU")
    if usage.memory_bytes:
        parts.append(format_bytes(usage.memory_bytes))
    if usage.gpus:
        parts.append(f"{usage.gpus} GPU")
    return " · ".join(parts)


def what_is_behind(spawner: Any) -> str:
    """Return what a running server lacks until it is started again; empty where it lacks nothing."""
    told = [BEHIND] if getattr(spawner, "behind", False) else []
    granted = getattr(spawner, "granted", None)
    if granted is not None:
        now = next((one for one in spawner.starts.settings.profiles if one.name == granted.profile), None)
        if now is not None and (needs_of(now), now.maximum_session_seconds) != (granted.usage, granted.maximum_session_seconds):
            told.append(
                f"An administrator has changed the profile {now.label}. Stop this server and start it again to have what it says now."
            )
    return " ".join(told)


def _aware(instant: datetime) -> datetime:
    """JupyterHub's database has naive instants in UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
