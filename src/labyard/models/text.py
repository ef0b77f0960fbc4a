"""Text that people write: what may be in it."""

from __future__ import annotations

import unicodedata

__all__ = ["one_line", "plain_text"]

_ALLOWED_CONTROLS = "\n\t"
# Marks that turn the direction of the text after them make a name read as another one (Unicode report 36).
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain_text(text: str) -> str:
    """Return `text` in Unicode's composed form, without space at its ends.

    Raises
    ------
    ValueError
        If it has characters that control a terminal or turn the direction of text.
    """
    text = unicodedata.normalize("NFC", text).strip()
    for character in text:
        if character in _TURNING or (unicodedata.category(character) in ("Cc", "Cs") and character not in _ALLOWED_CONTROLS):
            raise ValueError(f"it holds the character U+{ord(character):04X}, which does not show. Take it out")
    return text


def one_line(text: str) -> str:
    """Return `text` like `plain_text`, if it has anything to show and no line breaks.

    Raises
    ------
    ValueError
        If it does not.
    """
    text = plain_text(text)
    if any(character in text for character in "\n\t\u2028\u2029"):
        raise ValueError("it has line breaks or tabs. Write it on one line")
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise ValueError("it is empty. Write something that shows")
    return text
