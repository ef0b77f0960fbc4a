"""What an identity provider says about somebody, as names, groups and rights of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labyard_hub.config.login import LoginSettings
from labyard_hub.domain.names import check_user_name
from labyard_hub.domain.scopes import PROJECT_GROUP
from labyard_hub.exceptions import InvalidNameError

__all__ = ["Access", "access_of", "claim_at", "groups_in", "hub_groups", "user_name_of"]

RESERVED_GROUPS = frozenset({PROJECT_GROUP})
"""Groups of the hub that give rights to what is in them, and that no provider may fill."""

MAX_GROUP_LENGTH = 255
"""The hub's database holds no more."""

_HYPHENS = str.maketrans(dict.fromkeys("._ +", "-"))


@dataclass(frozen=True)
class Access:
    """What somebody may do here."""

    allowed: bool
    admin: bool


def user_name_of(claim: str, names: Mapping[str, str]) -> str:
    """Return the user name that the provider's `claim` makes.

    Capital letters become small ones, dots, underscores, plus signs and spaces become hyphens, and of an address what is before the @ counts. So two claims can
    make one name; the second one to sign in is refused, since people are told apart by their identifier and not by this.

    Parameters
    ----------
    names
        The setting `login.user_names`: names for those whose own cannot be used.

    Raises
    ------
    InvalidNameError
        If nobody can be called so; it says which rule is broken.
    """
    given = names.get(claim)
    if given is not None:
        return check_user_name(given)
    if not claim.isascii():  # lower() would make a k of the Kelvin sign
        raise InvalidNameError(
            "a user name has only the letters a to z, digits and hyphens; this one has a character from another alphabet"
        )
    return check_user_name(claim.partition("@")[0].lower().translate(_HYPHENS))


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim at `path`, which has dots where it is nested, unless a claim is called just so; None where there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def groups_in(claim: Any) -> frozenset[str]:
    """Return the groups that a claim lists; some providers send one group as a string."""
    if isinstance(claim, str):
        claim = [claim]
    if not isinstance(claim, Iterable) or isinstance(claim, Mapping):
        return frozenset()
    return frozenset(group for group in claim if isinstance(group, str) and group)


def hub_groups(groups: Iterable[str]) -> list[str]:
    """Return those of the provider's groups that become groups of the hub, sorted.

    A group called like one of ours gives nobody what ours gives.
    """
    return sorted(group for group in groups if group.strip().casefold() not in RESERVED_GROUPS and len(group) <= MAX_GROUP_LENGTH)


def access_of(login: LoginSettings, name: str, groups: frozenset[str]) -> Access:
    """Return what the user `name` with the provider's `groups` may do."""
    admin = name in login.admin_users or not groups.isdisjoint(login.admin_groups)
    allowed = (
        admin
        or login.allow_all
        or name in login.allowed_users
        or not groups.isdisjoint((*login.allowed_groups, *login.allowed_organizations))
    )
    return Access(allowed, admin)
