"""What a user may be called; projects follow the same rule.

A name becomes a folder, a part of URLs, an MLflow workspace and the tail of a Unix account, so it is a DNS label of at most 40
characters. MLflow's own rule for workspaces is the same alphabet.
"""

from __future__ import annotations

import re
import unicodedata

from labyard_hub.exceptions import InvalidNameError

__all__ = ["MAX_NAME_LENGTH", "RESERVED_NAMES", "check_group_name", "check_user_name", "fault_in_name"]

MAX_NAME_LENGTH = 40
"""Characters."""

RESERVED_NAMES = frozenset({
    "admin", "administrator", "anonymous", "api", "cli", "culler", "default", "everyone", "guest", "hub", "invite", "labyard", "login", "logout",
    "me", "mlflow", "nobody", "projects", "root", "self", "services", "setup", "shared", "system", "user", "users",
})  # fmt: skip
"""Names that URLs, MLflow (``default``) or people would mistake for something else."""

_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d"})
_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*")


def check_user_name(name: str) -> str:
    """Return `name` if a user may have it.

    Raises
    ------
    InvalidNameError
        With a sentence that says which rule it breaks.
    """
    fault = fault_in_name(name, "a user name", "'ada' or 'ada-lovelace'")
    if fault is not None:
        raise InvalidNameError(fault)
    return name


def check_group_name(name: str) -> str:
    """Return `name` if people can be put into a group of that name by hand; groups of an identity provider may be called otherwise.

    Raises
    ------
    InvalidNameError
        With a sentence that says which rule it breaks.
    """
    if not name or len(name) > MAX_NAME_LENGTH or _NAME.fullmatch(name) is None:
        raise InvalidNameError(
            f"a group's name starts with a letter and goes on with small letters, digits and single hyphens, {MAX_NAME_LENGTH} at most, such as 'research'"
        )
    if name.startswith("labyard-"):
        raise InvalidNameError("groups that begin with 'labyard-' are Labyard's own: choose another name")
    return name


def _suggest(name: str) -> str:
    """Return the name nearest to `name` that is allowed, quoted; empty where none is near."""
    text = unicodedata.normalize("NFKD", name.lower().translate(_SPELLED_OUT))
    text = "".join(one for one in text if not unicodedata.combining(one))
    near = re.sub(r"^[^a-z]+", "", re.sub(r"[^a-z0-9]+", "-", text))[:MAX_NAME_LENGTH].strip("-")
    return repr(near) if _NAME.fullmatch(near) and near not in RESERVED_NAMES else ""


def fault_in_name(name: str, what: str, examples: str) -> str | None:
    """Return a sentence that says which rule `name` breaks; None if it may be used.

    Parameters
    ----------
    what
        What it names, such as "a user name".
    examples
        Names that would do.
    """
    rules = (
        (not name, f"{what} is needed"),
        (len(name) > MAX_NAME_LENGTH, f"{what} has at most {MAX_NAME_LENGTH} characters, this one has {len(name)}"),
        (
            _NAME.fullmatch(name) is None,
            f"{what} starts with a letter and has only small letters, digits and single hyphens, such as {_suggest(name) or examples}",
        ),
        (name in RESERVED_NAMES, f"the name {name!r} is reserved: choose another one"),
    )
    return next((text for is_broken, text in rules if is_broken), None)
