"""Why a server may not be started as asked, each with the field of the start page that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from labyard.exceptions import LabyardError

__all__ = [
    "ChoiceError",
    "IdleChoiceError",
    "ImageChoiceError",
    "ImageEndedError",
    "InterfaceChoiceError",
    "NoProfileError",
    "NoRoomError",
    "ProfileChoiceError",
    "QuotaExceededError",
    "StartRefusedError",
]


class StartRefusedError(LabyardError):
    """A server may not be started as asked.

    Attributes
    ----------
    at
        The field that it is about: ``profile``, ``image``, ``interface`` or ``idle``; empty for all of them.
    """

    code = "start_refused"
    status_code = 400
    at: ClassVar[str] = ""


class ChoiceError(StartRefusedError):
    """What was chosen is not to be had, now or later."""


class NoProfileError(StartRefusedError):
    """A person may use no profile at all."""

    code = "no_profile"
    status_code = 403
    at = "profile"

    def __init__(self) -> None:
        super().__init__("There is no profile that you may use. Ask an administrator to add you to a group that may.")


class ProfileChoiceError(ChoiceError):
    """There is no such profile for this person; one of somebody else's group is not told apart from none."""

    code = "profile_unknown"
    at = "profile"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no profile {name[:40]!r} that you may use: choose one of {', '.join(known)}.")


class ImageChoiceError(ChoiceError):
    """A profile does not offer an image."""

    code = "image_unknown"
    at = "image"

    def __init__(self, name: str, profile: str, known: Iterable[str]) -> None:
        offered = ", ".join(known)
        super().__init__(
            f"The profile {profile!r} does not offer the image {name[:60]!r}: "
            + (f"choose one of {offered}." if offered else "it offers none, so leave the image out.")
        )


class ImageEndedError(ChoiceError):
    """An image is no longer offered."""

    code = "image_ended"
    at = "image"

    def __init__(self, name: str, successor: str | None, known: Iterable[str]) -> None:
        instead = f"{successor!r}, which replaced it" if successor else f"one of {', '.join(known)}"
        super().__init__(f"The image {name!r} is no longer offered: choose {instead}.")


class InterfaceChoiceError(ChoiceError):
    """There is no such interface."""

    code = "interface_unknown"
    at = "interface"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no interface {name[:40]!r}: choose one of {', '.join(known)}.")


class IdleChoiceError(ChoiceError):
    """The time after which an idle server is to be stopped is not allowed."""

    code = "idle_time"
    at = "idle"


class NoRoomError(StartRefusedError):
    """What a profile needs is not free now."""

    code = "no_room"
    status_code = 409
    at = "profile"


class QuotaExceededError(StartRefusedError):
    """A start would go over a quota.

    Parameters
    ----------
    figures
        What is used, allowed and needed, as a sentence.
    whose
        Whose quota it is, as a sentence's end: ``your quota``.
    """

    code = "quota_exceeded"
    status_code = 409
    at = "profile"

    def __init__(self, figures: str, whose: str) -> None:
        super().__init__(f"{figures}. That would go over {whose}: stop another server, or choose a smaller profile.")
