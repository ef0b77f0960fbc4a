from __future__ import annotations

import pytest

from labyard.units import format_bytes, format_seconds, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("1", 1), ("1k", 1000), ("1Ki", 1024), ("4Gi", 4 * 2**30), ("1G", 10**9), ("1.5Gi", 3 * 2**29), (" 2 Mi ", 2 * 2**20)],
)
def test_bytes(text: str, value: int) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "-1", "4GB", "1e3", "4 gi", "1,5Gi"])
def test_bad_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="such as 4Gi"):
        parse_bytes(text)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("1h", 3600), ("2d", 172800), ("1.5m", 90), ("5min", 300)])
def test_seconds(text: str, value: float) -> None:
    assert parse_seconds(text) == value


def test_for_people() -> None:
    assert format_bytes(512) == "512 B"
    assert format_bytes(4 * 2**30) == "4 GiB"
    assert format_bytes(3 * 2**40) == "3 TiB"
    assert format_seconds(5) == "5 s"
    assert format_seconds(7200) == "2 h"
    assert format_seconds(90) == "1.5 min"
