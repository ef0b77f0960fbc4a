"""The registry: which images there are, how long they take, and what is in them."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Image", "Registry"]


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes
    ----------
    missing
        Whether the registry has none of that name.
    pull_seconds
        How long it takes to come to a node that has it not.
    exit_code
        The program ends at once with this status; None: it runs. For the runtime of stubs.
    entrypoint, command, env
        What runs in it, and with which variables, where a pod says nothing else. For the runtime that starts real processes.
    """

    missing: bool = False
    pull_seconds: float = 0.0
    exit_code: int | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


class Registry:
    """Images by patterns of their references; what matches no pattern is there and comes at once."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}

    def put(self, images: Mapping[str, Mapping[str, Any]]) -> None:
        """Say what the images of some patterns are; the last that matches counts."""
        for pattern, values in images.items():
            self._images.pop(pattern, None)
            self._images[pattern] = Image(**{**values, **{key: tuple(values.get(key, ())) for key in ("entrypoint", "command")}})

    def get(self, reference: str) -> Image:
        """Return what the image of a reference is."""
        found = Image()
        for pattern, image in self._images.items():
            if fnmatch.fnmatchcase(reference, pattern):
                found = image
        return found
