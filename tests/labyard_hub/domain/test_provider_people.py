"""What a provider says, as names, groups and rights: names that cannot be, names alike, groups of ours."""

from __future__ import annotations

from typing import Any

import pytest

from labyard_hub.config.login import LoginSettings
from labyard_hub.domain.provider_people import access_of, claim_at, groups_in, hub_groups, user_name_of
from labyard_hub.domain.scopes import PROJECT_GROUP
from labyard_hub.exceptions import InvalidNameError


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("ada", "ada"),
        ("Ada", "ada"),
        ("ada.lovelace", "ada-lovelace"),
        ("ada_lovelace", "ada-lovelace"),
        ("Ada Lovelace", "ada-lovelace"),
        ("ada+test@example.org", "ada-test"),
        ("ADA@EXAMPLE.ORG", "ada"),
    ],
)
def test_names_are_made_of_claims(claim: str, name: str) -> None:
    assert user_name_of(claim, {}) == name


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ("", "needed"),
        ("@example.org", "needed"),
        ("ada--lovelace", "single hyphens"),
        ("ada._lovelace", "single hyphens"),
        ("vision--p0123456789", "single hyphens"),
        ("-ada", "starts with a letter"),
        ("ada-", "single hyphens"),
        ("42", "starts with a letter"),
        ("admin", "reserved"),
        ("Root", "reserved"),
        ("labyard@example.org", "reserved"),
        ("zo\u00eb", "another alphabet"),
        ("\u0430da", "another alphabet"),  # a Cyrillic letter that looks like an a
        ("\u212aate", "another alphabet"),  # the Kelvin sign, whose small letter is a k
        ("ada\n", "starts with a letter"),
        ("ada/../bob", "starts with a letter"),
        ("a" * 41, "at most 40"),
    ],
)
def test_names_that_cannot_be_are_refused_with_the_rule(claim: str, says: str) -> None:
    with pytest.raises(InvalidNameError, match=says):
        user_name_of(claim, {})


def test_an_administrator_names_who_cannot_be_called_so() -> None:
    assert user_name_of("zo\u00eb", {"zo\u00eb": "zoe"}) == "zoe"
    with pytest.raises(InvalidNameError, match="reserved"):
        user_name_of("zo\u00eb", {"zo\u00eb": "admin"})


@pytest.mark.parametrize(
    ("claims", "path", "found"),
    [
        ({"groups": ["a"]}, "groups", ["a"]),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ["a"]),
        ({"https://example.org/groups": ["a"]}, "https://example.org/groups", ["a"]),  # a name with dots, as Auth0 has them
        ({"realm_access": "x"}, "realm_access.roles", None),
        ({}, "groups", None),
    ],
)
def test_a_claim_may_be_nested(claims: dict[str, Any], path: str, found: Any) -> None:
    assert claim_at(claims, path) == found


@pytest.mark.parametrize(
    ("claim", "groups"),
    [(["a", "b", "a"], {"a", "b"}), ("a", {"a"}), (None, set()), (7, set()), ({"a": 1}, set()), ([1, None, "", "a"], {"a"})],
)
def test_groups_are_read_whatever_the_claim_is(claim: Any, groups: set[str]) -> None:
    assert groups_in(claim) == groups


def test_a_group_of_ours_is_not_filled_by_the_provider() -> None:
    assert hub_groups(["ml", PROJECT_GROUP, PROJECT_GROUP.upper(), f" {PROJECT_GROUP}", "x" * 300, "labyard-users"]) == [
        "labyard-users",
        "ml",
    ]


def _login(**values: Any) -> LoginSettings:
    return LoginSettings.model_validate({"provider": "oidc", "issuer": "https://id.example.org", "client_id": "x", **values})


@pytest.mark.parametrize(
    ("name", "groups", "allowed", "admin"),
    [
        ("ada", {"ml"}, True, False),
        ("ada", {"ML"}, False, False),
        ("ada", set(), False, False),
        ("ada", {"ops"}, True, True),
        ("guest-bob", set(), True, False),
        ("root-carol", set(), True, True),
    ],
)
def test_who_may_do_what(name: str, groups: set[str], allowed: bool, admin: bool) -> None:
    login = _login(allowed_groups=["ml"], allowed_users=["guest-bob"], admin_groups=["ops"], admin_users=["root-carol"])
    access = access_of(login, name, frozenset(groups))
    assert (access.allowed, access.admin) == (allowed, admin)


def test_everybody_may_come_where_that_is_said() -> None:
    access = access_of(_login(allow_all=True, admin_users=["ada"]), "bob", frozenset())
    assert (access.allowed, access.admin) == (True, False)
