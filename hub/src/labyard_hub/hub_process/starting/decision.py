"""Who gets what at a start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.domain.profiles import Choice, choose
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.quotas import check_quota, needs_of
from labyard_hub.domain.refusals import ChoiceError, StartRefusedError
from labyard_hub.hub_process.starting.capacity import keeps
from labyard_hub.hub_process.starting.grants import Granted, Starts
from labyard_hub.hub_process.starting.refusals import StartRefusal

__all__ = ["check_quotas", "choose_for", "grant", "groups_of"]


def groups_of(user: Any) -> frozenset[str]:
    """Return the groups of a hub user."""
    return frozenset(group.name for group in user.orm_user.groups)


def last_options(user: Any, server_name: str = "") -> dict[str, Any]:
    """Return what a server was last started with; for one that never was, what this person last chose for any."""
    rows = user.orm_user.orm_spawners
    own = rows.get(server_name)
    if own is not None and own.user_options:
        return dict(own.user_options)
    others = [row for row in rows.values() if row.user_options]
    others.sort(key=lambda row: row.last_activity or datetime.min, reverse=True)  # noqa: DTZ901  # JupyterHub's instants are naive
    return dict(others[0].user_options) if others else {}


def choose_for(starts: Starts, user: Any, server_name: str, asked: Mapping[str, Any]) -> Choice:
    """Return what `user` gets who asks for `asked`.

    Raises
    ------
    StartRefusedError
        If they may not have it.
    """
    settings = starts.settings
    if is_project_id(user.name):
        wanted = settings.projects.server_profile
        profiles: Sequence[ProfileSettings] = [
            one for one in settings.profiles if one.name == wanted or (wanted is None and not one.groups)
        ]
        asked = {key: value for key, value in asked.items() if key in ("interface", "safe_start")}
        profiles = [one.model_copy(update={"groups": ()}) for one in profiles[:1]]
    else:
        profiles = settings.profiles
    return choose(
        asked, last_options(user, server_name), profiles, starts.images, groups_of(user),
        today=starts.now().date(), idle_limit_seconds=starts.idle_limit_seconds,
    )  # fmt: skip


def check_quotas(starts: Starts, user: Any, server_name: str | None, profile: ProfileSettings) -> None:
    """Refuse a start that would go over a quota of the owner, or of one of their groups.

    Parameters
    ----------
    server_name
        The server to be started, which does not count against itself; None for a new one.

    Raises
    ------
    QuotaExceededError
        With the figures.
    """
    quotas, needed = starts.settings.quotas, needs_of(profile)
    this = (user.name, server_name) if server_name is not None else None
    if is_project_id(user.name):
        check_quota(quotas.projects, starts.reserved.used_by([user.name], but=this), needed, project=True)
        return
    check_quota(quotas.users, starts.reserved.used_by([user.name], but=this), needed)
    for group in user.orm_user.groups:
        quota = quotas.groups.get(group.name)
        if quota is not None:
            check_quota(quota, starts.reserved.used_by_group(group.name, user.db, but=this), needed, group=group.name)


def _is_shared(starts: Starts, user: Any, profile: ProfileSettings) -> bool:
    """Return whether what others run decides about a start."""
    return keeps(profile) or any(group in starts.settings.quotas.groups for group in groups_of(user))


async def _all_known(user: Any) -> None:
    """Wait until a hub that has just started knows all that runs; of the person themselves it knows it at once."""
    complete = getattr(user.settings.get("users"), "complete", None)
    if complete is not None:
        await complete.wait()


async def grant(spawner: Any, asked: Mapping[str, Any]) -> None:
    """Decide what a server is started with, and give it that. The only decision of a start, from the page as from the REST API.

    It checks the choice and the quotas and takes what the server needs in one step of the event loop, so that two starts cannot both have the rest.

    Raises
    ------
    StartRefusal
        If its owner may not have it.
    """
    starts: Starts = spawner.starts
    user, name = spawner.user, spawner.name or ""
    try:
        choice = choose_for(starts, user, name, asked)
        if _is_shared(starts, user, choice.profile):
            await _all_known(user)
        room = await starts.capacity.look(choice.profile)
        # From here to `grant` nothing else runs.
        check_quotas(starts, user, name, choice.profile)
        devices = room.take(choice.profile, (one for key, one in starts.reserved.items() if key != (user.name, name)))
    except StartRefusedError as error:
        if isinstance(error, ChoiceError):
            spawner.orm_spawner.user_options = {}  # else the next start would ask for it again
        raise StartRefusal(error) from error
    spawner.grant(Granted.of(choice, devices, starts.now()))
    spawner.user_options = spawner.orm_spawner.user_options = replace(choice, safe_start=False).to_options()
    spawner.chosen(choice)
