from __future__ import annotations

import pytest

from labyard_hub.domain.names import MAX_NAME_LENGTH, RESERVED_NAMES, check_user_name
from labyard_hub.exceptions import InvalidNameError


@pytest.mark.parametrize("name", ["ada", "a", "ada-lovelace", "a1", "x" * MAX_NAME_LENGTH])
def test_good_names(name: str) -> None:
    assert check_user_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "ada ", " ada", "x" * (MAX_NAME_LENGTH + 1), "x" * 300, "../x", "a/b", "a\\b", ".", "..", "a..b", "Ada", "ADA", "1ada", "-ada", "ada-", "a--b",
        "a_b", "ada\n", "ada\x00", "\u0430da", "ada@example.org", "\uff41da", "a%2fb", "a b", "$(id)", "-rf", "ada;id", *sorted(RESERVED_NAMES),
    ],
)  # fmt: skip
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        check_user_name(name)
    assert len(caught.value.message) > 15


def test_a_capital_letter_is_explained() -> None:
    with pytest.raises(InvalidNameError, match="'ada' would do"):
        check_user_name("Ada")
