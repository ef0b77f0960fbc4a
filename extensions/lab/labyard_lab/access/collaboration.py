"""What viewers may send in a room where a document is edited together."""

from __future__ import annotations

__all__ = ["save_id", "viewer_may_send"]

_SYNC, _AWARENESS, _RAW = 0, 1, 2
_SYNC_STEP1 = 0


def viewer_may_send(message: str | bytes) -> bool:
    """Return whether a message changes nothing: the question what is in the document, and where one's cursor is.

    The first bytes are compared as they are. The protocol's numbers can be written in more than one way, and its readers may or may not know that: every other way is
    refused.
    """
    if not isinstance(message, bytes):
        return False
    return message[:1] == bytes([_AWARENESS]) or message[:2] == bytes([_SYNC, _SYNC_STEP1])


def save_id(message: str | bytes) -> int | None:
    """Return the number of a request to save, which is answered by that number; None for any other message."""
    if not isinstance(message, bytes) or message[:1] != bytes([_RAW]):
        return None
    length, rest = _number(message[1:])
    if length is None or rest[:length] != b"save":
        return None
    return _number(rest[length:])[0]


def _number(data: bytes) -> tuple[int | None, bytes]:
    """Return the number that `data` begins with, seven bits a byte, the lowest first, and what follows it."""
    value = 0
    for position, byte in enumerate(data[:5]):
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value, data[position + 1 :]
    return None, b""
