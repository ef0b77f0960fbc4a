"""Cursors: where the next page of a list begins. Opaque to callers, so that they may change."""

from __future__ import annotations

import base64
import binascii

from labyard_hub.exceptions import InvalidCursorError

__all__ = ["open_cursor", "seal_cursor"]


def seal_cursor(last: str | int) -> str:
    """Return the cursor for what comes after `last`."""
    return base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")


def open_cursor(cursor: str | None) -> str | None:
    """Return what `seal_cursor` was given; None for no cursor.

    Raises
    ------
    InvalidCursorError
        If we did not make it.
    """
    if cursor is None:
        return None
    try:
        last = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise InvalidCursorError from None
    if not last.isprintable() or not last:
        raise InvalidCursorError
    return last
