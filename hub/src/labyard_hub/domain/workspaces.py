"""How a person's MLflow workspace is called."""

from __future__ import annotations

import hashlib
import re

__all__ = ["MAX_WORKSPACE_LENGTH", "workspace_of"]

MAX_WORKSPACE_LENGTH = 63
"""MLflow's limit; its rule is that of Kubernetes namespaces, with at least two characters."""

_TAKEN_AS_IS = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){1,39}")
_RESERVED = frozenset({"ajax-api", "api", "default", "static-files", "workspaces"})
"""``default`` is MLflow's own and nobody's; the others it refuses."""


def workspace_of(user_name: str, generation: int = 0) -> str:
    """Return the name of the workspace of the user `user_name`: the same, where MLflow takes it.

    Other names, which an outside sign-in may bring, get what is left of them and a digest. Two users never share a workspace: only the second kind
    has two hyphens in a row.

    Parameters
    ----------
    generation
        How many people have had the name before: the next one does not get the workspace of the last.
    """
    if generation == 0 and _TAKEN_AS_IS.fullmatch(user_name) and user_name not in _RESERVED:
        return user_name
    readable = re.sub(r"[^a-z0-9]+", "-", user_name.lower()).strip("-")[:40].strip("-") or "user"
    who = f"{user_name}\0{generation}" if generation else user_name
    return f"{readable}--{hashlib.sha256(who.encode()).hexdigest()[:16]}"
