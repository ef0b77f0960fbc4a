"""Printing must never end a process of the platform: on a closed terminal, into a pipe without a reader, into a log on a full disk."""

from __future__ import annotations

import io
import sys
from typing import Any

__all__ = ["keep_printing"]


class _Patient(io.FileIO):
    """A file that drops what cannot be written."""

    def write(self, data: Any) -> int:
        """Write `data`, or act as if."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def keep_printing() -> None:
    """Let prints to standard output and standard error fail silently from now on."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            number = stream.fileno()
        except (OSError, ValueError):  # a test's, or none at all
            continue
        stream.flush()
        raw = io.BufferedWriter(_Patient(number, "w", closefd=False))
        setattr(sys, name, io.TextIOWrapper(raw, encoding=stream.encoding, errors="replace", line_buffering=True))
