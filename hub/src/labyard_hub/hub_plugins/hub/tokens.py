"""How the hub hashes tokens: what was drawn at random once, what a person may have thought up 16,384 times.

JupyterHub (6.1.1) takes the many rounds for every secret that it did not draw for a user itself: for the OAuth client of each server that starts, whose secret is a token that it just drew,
and for each request of a service. That is 1.5 to 2 ms of the event loop each. Rounds make guessing slow; 128 random bits are not guessed.
"""

from __future__ import annotations

import re
from typing import Any

from jupyterhub import orm
from jupyterhub.oauth import provider
from jupyterhub.utils import hash_token

__all__ = ["hash_by_look", "is_drawn", "spare_rounds"]

DRAWN = re.compile(r"[0-9a-f]{32,}")
"""As `uuid4().hex`, and as the platform's and the chart's own secrets."""

LEAST_KINDS = 8
"""Of digits; 32 random hexadecimal ones have fewer in one case of a million."""


def is_drawn(token: str) -> bool:
    """Whether `token` looks as if a machine drew it: 32 hexadecimal digits or more, and not few of them again and again."""
    return DRAWN.fullmatch(token) is not None and len(set(token)) >= LEAST_KINDS


def hash_by_look(token: str, salt: Any = 8, rounds: int = 16384, algorithm: str = "sha512") -> str:
    """Do the same as `jupyterhub.utils.hash_token`, with one round for a token that was drawn. How many it were stands in the hash, and holds when it is compared."""
    hashed: str = hash_token(token, salt=salt, rounds=1 if is_drawn(token) else rounds, algorithm=algorithm)
    return hashed


def spare_rounds() -> None:
    """Have JupyterHub hash new tokens and secrets of clients by their look. Calling it again changes nothing."""
    orm.hash_token = provider.hash_token = hash_by_look
