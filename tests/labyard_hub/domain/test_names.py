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
    with pytest.raises(InvalidNameError, match=r"such as 'ada'$"):
        check_user_name("Ada")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Ada L", "'ada-l'"),
        ("ada_lovelace", "'ada-lovelace'"),
        ("Größe", "'groesse'"),
        ("1 ada -", "'ada'"),
        ("x" * 39 + "_yz", "'" + "x" * 39 + "'"),
    ],
)
def test_the_name_that_is_proposed_is_itself_allowed(name: str, near: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        check_user_name(name)
    if len(name) <= MAX_NAME_LENGTH:
        assert caught.value.message.endswith(near)
        assert check_user_name(near.strip("'"))


@pytest.mark.parametrize("name", ["Root", "日本", "42"])
def test_where_no_name_is_near_an_example_is_named(name: str) -> None:
    with pytest.raises(InvalidNameError, match="such as 'ada' or 'ada-lovelace'"):
        check_user_name(name)
