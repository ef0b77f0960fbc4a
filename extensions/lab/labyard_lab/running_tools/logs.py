"""The last lines of a tool's log."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["read_log_tail"]

_TAIL_BYTES = 16 * 1024
_TAIL_LINES = 60
_LINE_LENGTH = 500
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read_log_tail(path: Path) -> list[str]:
    """Return the last lines of the log `path`, as plain text; none if there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    lines = text.replace("\r\n", "\n").split("\n")
    if size > _TAIL_BYTES:
        lines = lines[1:]  # the first one is cut
    # Of a progress bar, which writes over itself, only what stands there in the end.
    plain = [_CONTROL.sub("", _ESCAPES.sub("", line.rstrip("\r").rpartition("\r")[2]))[:_LINE_LENGTH].rstrip() for line in lines]
    while plain and not plain[-1]:
        plain.pop()
    return plain[-_TAIL_LINES:]
