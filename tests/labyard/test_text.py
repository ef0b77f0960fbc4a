"""What may be in text that people write."""

from __future__ import annotations

import pytest

from labyard.models.text import one_line, plain_text


@pytest.mark.parametrize(
    ("text", "kept"), [(" Vision ", "Vision"), ("e\u0301", "\u00e9"), ("日本語", "日本語"), ("👩🏽‍🔬 lab", "👩🏽‍🔬 lab"), ("שלום", "שלום")]
)
def test_what_shows_is_kept(text: str, kept: str) -> None:
    assert one_line(text) == kept


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "a\nb", "a\tb", "a\u2028b", "\x00", "a\x1b[31m", "\u202eabc", "a\u2066b", "\x85"])
def test_what_does_not_show_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        one_line(text)


def test_longer_text_has_lines() -> None:
    assert plain_text("one\n\ttwo\n") == "one\n\ttwo"
    assert plain_text("") == ""
    with pytest.raises(ValueError, match=r"U\+0007"):
        plain_text("ring\x07")
