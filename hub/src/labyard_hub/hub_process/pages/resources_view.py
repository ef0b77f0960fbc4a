"""Who uses what, and who is in which group, a page of it at a time: there can be thousands of either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from jupyterhub import orm
from sqlalchemy import select

from labyard.units import format_bytes
from labyard_hub.backends.local.consumption import Consumption
from labyard_hub.config.quotas import Quota
from labyard_hub.domain.groups import groups_asked_for
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.quotas import Usage
from labyard_hub.domain.scopes import PROJECT_GROUP
from labyard_hub.hub_process.disk_use import DiskFigures
from labyard_hub.hub_process.pages.paging import Part, part_of
from labyard_hub.hub_process.pages.texts import ago
from labyard_hub.hub_process.pages.visits import project_name
from labyard_hub.hub_process.starting.grants import Starts

__all__ = ["DiskView", "GroupView", "UsageRow", "view_disk", "view_groups", "view_people"]

WARN_SHARE = 0.9
"""Share of the disk in use from which on the page warns."""


@dataclass(frozen=True)
class UsageRow:
    """What a person, a group or a project was given, with the quota behind each figure where there is one.

    Attributes
    ----------
    owner
        The hub's user; empty for a group.
    """

    name: str
    figures: tuple[tuple[str, str], ...]
    owner: str = ""

    def with_use(self, use: Consumption | None) -> UsageRow:
        """Return the row with what the servers use at this moment; None: not known here."""
        texts = ("not known", "not known") if use is None else (f"{use.cpu_cores:.1f}", format_bytes(use.memory_bytes))
        servers, *given = self.figures
        return replace(self, figures=(servers, ("CPU now", texts[0]), ("Memory now", texts[1]), *given))


@dataclass(frozen=True)
class GroupView(UsageRow):
    """A group, with everybody who is in it; it has no members where only the configuration knows it."""

    members: Sequence[str] = ()


@dataclass(frozen=True)
class DiskView:
    """How full the disk of the state folder is.

    Attributes
    ----------
    sentence
        It in words.
    warns
        Whether somebody should make room.
    owners
        People and projects with the size of their folders, the largest first.
    hint
        How old the sizes are.
    """

    sentence: str
    warns: bool
    owners: tuple[tuple[str, str], ...]
    hint: str


def view_disk(figures: DiskFigures) -> DiskView:
    """Return what the page shows of a disk."""
    share, left, total = f"{figures.full_share:.0%}", format_bytes(figures.free_bytes), format_bytes(figures.total_bytes)
    hint = "Folders are being measured: load the page again in a while."
    if figures.measured_at is not None:
        hint = f"The largest folders, measured {ago(datetime.fromtimestamp(figures.measured_at, UTC), datetime.now(UTC))}."
    return DiskView(
        f"The disk of the state folder is {share} full: {left} of {total} are left.",
        figures.full_share >= WARN_SHARE,
        tuple((project_name(name) if is_project_id(name) else name, format_bytes(size)) for name, size in figures.owners),
        hint,
    )


def view_people(starts: Starts, wanted: str, page: str) -> Part[UsageRow]:
    """Return who has a server, people and projects, by name; those with `wanted` in it."""
    owners = ((project_name(one) if is_project_id(one) else one, one) for one in starts.reserved.owners)
    part = part_of(sorted(one for one in owners if wanted in one[0]), page)
    quotas = starts.settings.quotas
    return part.with_items([
        UsageRow(name, _figures(starts.reserved.used_by([owner]), quotas.projects if is_project_id(owner) else quotas.users), owner)
        for name, owner in part.items
    ])  # fmt: skip


def view_groups(db: Any, starts: Starts, wanted: str, page: str, *, only: str | None = None) -> Part[GroupView]:
    """Return the groups that there are or that the configuration asks for, by name; those with `wanted` in it, or that of the name `only`.

    `db` is the hub's database session.
    """
    quotas = starts.settings.quotas
    names = {*db.scalars(select(orm.Group.name)), *groups_asked_for(starts.settings)}
    names = {name for name in names - {PROJECT_GROUP} if (wanted in name.lower() if only is None else name == only)}
    part = part_of(sorted(names), page)
    members: dict[str, list[str]] = {name: [] for name in part.items}
    # Names only: a hub user for each of thousands is a second.
    pairs = select(orm.Group.name, orm.User.name).join(orm.Group.users).where(orm.Group.name.in_(part.items)).order_by(orm.User.name)
    for group, name in db.execute(pairs):
        members[group].append(name)
    return part.with_items([
        GroupView(name, _figures(starts.reserved.used_by(inside), quotas.groups.get(name, Quota())), members=inside) for name, inside in members.items()
    ])  # fmt: skip


def _figures(used: Usage, quota: Quota) -> tuple[tuple[str, str], ...]:
    figures = []
    for label, field in (("Servers", "servers"), ("CPU limit", "cpu_cores"), ("Memory limit", "memory_bytes"), ("GPU", "gpus")):
        text = format_bytes if field == "memory_bytes" else "{:g}".format
        limit = getattr(quota, field)
        value = getattr(used, field)
        given = "none" if not value and used.servers and field != "gpus" else text(value)
        figures.append((label, f"{text(value)} of {text(limit)}" if limit is not None else given))
    return tuple(figures)
