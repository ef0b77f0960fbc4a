"""What the start page says of each profile, image and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from labyard.units import format_bytes, format_seconds
from labyard_hub.config.catalog import Image
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.domain.profiles import allowed_profiles, offered_images
from labyard_hub.domain.refusals import StartRefusedError
from labyard_hub.hub_process.starting.capacity import ProfileCapacity
from labyard_hub.hub_process.starting.decision import check_quotas, groups_of
from labyard_hub.hub_process.starting.grants import Starts

__all__ = ["ImageView", "ProfileView", "describe_resources", "idle_choices", "view_all_profiles", "view_profiles"]

IDLE_CHOICES_SECONDS = (30 * 60, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600)


@dataclass(frozen=True)
class ImageView:
    """One image of a profile.

    Attributes
    ----------
    inside
        Frameworks with their versions.
    warning
        That it will go, and what replaces it; empty for most.
    """

    name: str
    title: str
    description: str
    inside: str
    warning: str


@dataclass(frozen=True)
class ProfileView:
    """One profile, as its card shows it.

    Attributes
    ----------
    resources
        Such as ``8 CPU · 32 GiB · 1 A100``.
    price
        Such as ``1.20 EUR/h``; empty where there is none.
    room
        Whether it can start now, in words.
    state
        ``free``, ``full`` or ``never``.
    notes
        Sentences that explain it.
    """

    name: str
    label: str
    description: str
    resources: str
    price: str
    room: str
    state: str
    notes: tuple[str, ...]
    images: tuple[ImageView, ...]
    groups: tuple[str, ...] = ()


async def view_profiles(starts: Starts, user: Any, server_name: str | None) -> list[ProfileView]:
    """Return the profiles that `user` may choose from, for one of their servers or, with None, for a new one."""
    profiles = allowed_profiles(starts.settings.profiles, groups_of(user))
    room = await starts.capacity.free(profiles)
    return [_profile(starts, user, server_name, one, room.get(one.name, ProfileCapacity())) for one in profiles]


async def view_all_profiles(starts: Starts) -> list[ProfileView]:
    """Return every profile, for administrators: nobody's quota counts."""
    room = await starts.capacity.free(starts.settings.profiles)
    return [_profile(starts, None, None, one, room.get(one.name, ProfileCapacity())) for one in starts.settings.profiles]


def _profile(starts: Starts, user: Any, server_name: str | None, profile: ProfileSettings, room: ProfileCapacity) -> ProfileView:
    notes = []
    if room.reason:
        notes.append(room.reason)
    text, state = _room(room)
    try:
        if user is not None:
            check_quotas(starts, user, server_name, profile)
    except StartRefusedError as error:
        if state != "never":
            notes.append(error.message)
            text, state = "over your quota", "full"
    if profile.maximum_session_seconds is not None:
        notes.append(f"A server is stopped {format_seconds(profile.maximum_session_seconds)} after its start.")
    price = "" if profile.price_per_hour is None else f"{profile.price_per_hour:.2f} {starts.settings.currency}/h"
    images = tuple(_image(one, starts.images, starts.now().date()) for one in offered_images(profile, starts.images, starts.now().date()))
    return ProfileView(
        profile.name,
        profile.label,
        profile.description,
        describe_resources(profile),
        price,
        text,
        state,
        tuple(notes),
        images,
        profile.groups,
    )


def describe_resources(profile: ProfileSettings) -> str:
    """Return what a server of `profile` has, in a few words."""
    parts = []
    if profile.cpu_cores is not None:
        parts.append(f"{profile.cpu_cores:g} CPU")
    if profile.memory_bytes is not None:
        parts.append(format_bytes(profile.memory_bytes))
    if profile.gpu is not None:
        kind = profile.gpu.model or ("GPU" if profile.gpu.resource == "nvidia.com/gpu" else profile.gpu.resource.rpartition("/")[2])
        parts.append(f"{profile.gpu.count} {kind}")
    return " · ".join(parts)


def _room(room: ProfileCapacity) -> tuple[str, str]:
    if room.free is None:
        return "can start now", "free"
    if room.total == 0:
        return "not available here", "never"
    if room.free > 0:
        return (f"{room.free} of {room.total} free now" if room.total is not None else "can start now"), "free"
    waits = f", {room.queue} in the queue" if room.queue else ""
    return (f"waits: 0 free{waits}" if room.queue is not None else "none free now"), "full"


def _image(image: Image, known: Sequence[Image], today: date) -> ImageView:
    inside = ", ".join(f"{name} {version}" for name, version in image.frameworks.items())
    return ImageView(image.name, image.title, image.description, inside, _warning(image, known, today))


def _warning(image: Image, known: Sequence[Image], today: date) -> str:
    ending = image.deprecated
    if ending is None or today < ending.since:
        return ""
    titles: Mapping[str, str] = {one.name: one.title for one in known}
    when = "soon" if ending.until is None else "today" if ending.until <= today else _in_days((ending.until - today).days)
    if ending.successor is None:
        return f"This image goes {when}, and nothing replaces it."
    return f"This image is replaced by {titles.get(ending.successor, ending.successor)} {when}."


def _in_days(days: int) -> str:
    return "in 1 day" if days == 1 else f"in {days} days"


def idle_choices(limit_seconds: float | None, chosen: float | None) -> list[tuple[str, str, bool]]:
    """Return the choices of “Stop after idle” as value, text and whether it is the one that is chosen."""
    usual = "Never" if limit_seconds is None else f"{format_seconds(limit_seconds)}, as set by the administrator"
    seconds: list[float] = [one for one in IDLE_CHOICES_SECONDS if limit_seconds is None or one < limit_seconds]
    if chosen is not None and chosen not in seconds:
        seconds = sorted([*seconds, chosen])
    return [("", usual, chosen is None), *((f"{one:g}", format_seconds(one), one == chosen) for one in seconds)]
