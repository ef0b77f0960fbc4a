"""Which profiles and images a person may use, and what they get where they say nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from labyard.units import format_seconds
from labyard_hub.config.catalog import Image
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.domain.refusals import (
    IdleChoiceError,
    ImageChoiceError,
    ImageEndedError,
    InterfaceChoiceError,
    NoProfileError,
    ProfileChoiceError,
)

__all__ = ["INTERFACES", "MIN_IDLE_SECONDS", "USUAL_IDLE", "Choice", "allowed_profiles", "choose", "offered_images", "unknown_images"]

INTERFACES = ("lab", "notebook")

USUAL_IDLE = "usual"
"""Said for: as the administrator says for all, whatever was chosen last."""

MIN_IDLE_SECONDS = 300
"""A person cannot choose less: servers tell only now and then that they are used."""


@dataclass(frozen=True)
class Choice:
    """What a server is started with.

    Attributes
    ----------
    image
        None where there are no images, as on one machine.
    interface
        ``lab`` or ``notebook``.
    idle_seconds
        Idle time after which the server is stopped; None: the administrator's setting for all.
    safe_start
        Whether it starts without its owner's own Jupyter configuration. It holds for one start.
    """

    profile: ProfileSettings
    image: Image | None
    interface: str
    idle_seconds: float | None = None
    safe_start: bool = False

    def to_options(self) -> dict[str, Any]:
        """Return it as JupyterHub keeps it, in a server's ``user_options``."""
        options: dict[str, Any] = {"profile": self.profile.name, "interface": self.interface}
        if self.image is not None:
            options["image"] = self.image.name
        if self.idle_seconds is not None:
            options["idle_seconds"] = self.idle_seconds
        if self.safe_start:
            options["safe_start"] = True
        return options


def allowed_profiles(profiles: Iterable[ProfileSettings], groups: Collection[str]) -> list[ProfileSettings]:
    """Return the profiles that a member of `groups` may use, in their order."""
    return [one for one in profiles if not one.groups or not set(one.groups).isdisjoint(groups)]


def offered_images(profile: ProfileSettings, images: Sequence[Image], today: date) -> list[Image]:
    """Return the images that `profile` offers, the preselected one first.

    A profile that names none offers those of its hardware: with a GPU those for CUDA, without one the others. What has ended is not offered.
    """
    by_name = {one.name: one for one in images}
    if profile.images:
        found = [by_name[name] for name in profile.images if name in by_name]
    else:
        wanted = "cuda" if profile.gpu is not None else "cpu"
        found = [one for one in images if one.accelerator == wanted] or list(images)
    return [one for one in found if not _has_ended(one, today)]


def unknown_images(profiles: Iterable[ProfileSettings], known: Collection[str]) -> list[tuple[ProfileSettings, str]]:
    """Return the images that profiles name and that there are none of."""
    return [(profile, name) for profile in profiles for name in profile.images if name not in known]


def choose(
    asked: Mapping[str, Any],
    last: Mapping[str, Any],
    profiles: Sequence[ProfileSettings],
    images: Sequence[Image],
    groups: Collection[str],
    *,
    today: date,
    idle_limit_seconds: float | None = None,
) -> Choice:
    """Return what somebody gets who asks for `asked`.

    Parameters
    ----------
    asked
        What they said: any of ``profile``, ``image``, ``interface``, ``idle_seconds`` and ``safe_start``. What it has must be allowed.
    last
        What they had before, which fills in what they did not say as far as it is allowed still.
    idle_limit_seconds
        The administrator's; None: servers may idle for ever.

    Raises
    ------
    StartRefusedError
        The first reason why not.
    """
    profile = _profile(asked, last, allowed_profiles(profiles, groups))
    image = _image(asked, last, profile, images, today)
    fallback = image.default_interface if image is not None else INTERFACES[0]
    interface = _text(asked, "interface")
    if interface is None:
        interface = _text(last, "interface")
        interface = interface if interface in INTERFACES else fallback
    if interface not in INTERFACES:
        raise InterfaceChoiceError(interface, INTERFACES)
    return Choice(profile, image, interface, _idle(asked, last, idle_limit_seconds), bool(asked.get("safe_start")))


def _profile(asked: Mapping[str, Any], last: Mapping[str, Any], allowed: list[ProfileSettings]) -> ProfileSettings:
    if not allowed:
        raise NoProfileError
    by_name = {one.name: one for one in allowed}
    name = _text(asked, "profile")
    if name is None:
        return by_name.get(_text(last, "profile") or "", allowed[0])
    if name not in by_name:
        raise ProfileChoiceError(name, by_name)
    return by_name[name]


def _image(
    asked: Mapping[str, Any], last: Mapping[str, Any], profile: ProfileSettings, images: Sequence[Image], today: date
) -> Image | None:
    offered = {one.name: one for one in offered_images(profile, images, today)}
    name = _text(asked, "image")
    if name is None:
        former = offered.get(_text(last, "image") or "")
        # What is about to end is not given to a person who has not asked for it.
        lasting = [one for one in offered.values() if one.deprecated is None]
        return former or next(iter([*lasting, *offered.values()]), None)
    if name in offered:
        return offered[name]
    ended = next((one for one in images if one.name == name and _has_ended(one, today)), None)
    if ended is not None and ended.deprecated is not None:
        raise ImageEndedError(name, ended.deprecated.successor, offered)
    raise ImageChoiceError(name, profile.label, offered)


def _idle(asked: Mapping[str, Any], last: Mapping[str, Any], limit: float | None) -> float | None:
    value = asked.get("idle_seconds")
    if value == USUAL_IDLE:
        return None
    if value is None or value == "":
        former = last.get("idle_seconds")
        if isinstance(former, bool) or not isinstance(former, int | float):
            return None
        return float(former) if MIN_IDLE_SECONDS <= former <= (limit or former) else None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise IdleChoiceError("“Stop after idle” is a number of seconds.") from None
    if limit is not None and seconds > limit:
        raise IdleChoiceError(f"A server may idle for {format_seconds(limit)} at most: choose a shorter time.")
    # The administrator's own may be shorter than what a person may choose.
    if not seconds >= min(MIN_IDLE_SECONDS, limit or MIN_IDLE_SECONDS):
        raise IdleChoiceError(
            f"A server cannot be stopped after less than {format_seconds(MIN_IDLE_SECONDS)} without use: choose a longer time."
        )
    return seconds


def _has_ended(image: Image, today: date) -> bool:
    until = image.deprecated.until if image.deprecated is not None else None
    return until is not None and today > until


def _text(options: Mapping[str, Any], key: str) -> str | None:
    """Return an option; forms send lists, and an empty choice is none."""
    value = options.get(key)
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None or value == "" else str(value)
