"""What a user may be called.

A name becomes a folder, a part of URLs, an MLflow workspace and the tail of a Unix account, so it is a DNS label of at most 40
characters. MLflow's own rule for workspaces is the same alphabet.
"""

from __future__ import annotations

import re

from labyard_hub.exceptions import InvalidNameError

__all__ = ["MAX_NAME_LENGTH", "RESERVED_NAMES", "check_user_name"]

MAX_NAME_LENGTH = 40
"""Characters."""

RESERVED_NAMES = frozenset({
    "admin", "administrator", "anonymous", "api", "cli", "culler", "default", "everyone", "guest", "hub", "invite", "labyard", "login", "logout",
    "me", "mlflow", "nobody", "projects", "root", "self", "services", "setup", "shared", "system", "user", "users",
})  # fmt: skip
"""Names that URLs, MLflow (``default``) or people would mistake for something else."""

_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*")


def check_user_name(name: str) -> str:
    """Return `name` if a user may have it.

    Raises
    ------
    InvalidNameError
        With a sentence that says which rule it breaks.
    """
    if not name:
        raise InvalidNameError("a user name is needed")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidNameError(f"a user name has at most {MAX_NAME_LENGTH} characters, this one has {len(name)}")
    if not name.isascii():
        raise InvalidNameError(
            "a user name has only the letters a to z, digits and hyphens; this one has a character from another alphabet"
        )
    if name != name.lower():
        raise InvalidNameError(f"a user name has no capital letters: {name.lower()!r} would do")
    if _NAME.fullmatch(name) is None:
        raise InvalidNameError(
            "a user name starts with a letter and goes on with letters, digits and single hyphens, such as 'ada' or 'ada-lovelace'"
        )
    if name in RESERVED_NAMES:
        raise InvalidNameError(f"the name {name!r} is reserved: choose another one")
    return name
