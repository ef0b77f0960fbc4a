"""Who sends a request, remembered for a moment: a tool's page sends dozens at once, all with the same cookies."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["GRACE_SECONDS", "MOST", "REMEMBERED", "SECONDS", "Identities"]

SECONDS = 2.0
"""How long an answer about one set of credentials is used again."""
GRACE_SECONDS = 0.5
"""How much longer the others use it while one request has it looked up again: the hub need not be asked by all at once."""
MOST = 256
"""Upper bound of the sets that are remembered."""

REMEMBERED = ("_jupyterhub_user", "_cached_hub_user", "_token_authenticated")
"""What JupyterHub notes at a handler once it has looked who asks. It looks there first."""


@dataclass
class _Answer:
    """What was noted at a handler, when, and whether a request has it looked up again."""

    at: float
    noted: dict[str, Any]
    is_looked_up: bool = False


class Identities:
    """Remembers what JupyterHub found out.

    Parameters
    ----------
    clock
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[str | None, ...], _Answer] = {}

    def recall(self, handler: Any) -> None:
        """Note at a new handler what is known about its credentials."""
        key = _key(handler.request)
        found = self._known.get(key) if key is not None else None
        if found is None:
            return
        age = self._clock() - found.at
        if age >= SECONDS and not found.is_looked_up:
            found.is_looked_up = True  # by this request
        elif age < SECONDS + GRACE_SECONDS:
            vars(handler).update(found.noted, _labyard_recalled=True)

    def remember(self, handler: Any) -> None:
        """Keep what is noted at a handler that was let in."""
        key, noted = _key(handler.request), vars(handler)
        if key is None or noted.get("_jupyterhub_user") is None or "_labyard_recalled" in noted:
            return  # what was recalled becomes no younger by that
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = _Answer(self._clock(), {name: noted[name] for name in REMEMBERED if name in noted})


def _key(request: Any) -> tuple[str | None, ...] | None:
    """Return what the answer depends on; None where it is not used again: a request that changes something is looked at each time, as is a token in the URL."""
    if request.method not in ("GET", "HEAD") or "token" in request.query:
        return None
    headers = request.headers
    return (
        headers.get("Host"),
        headers.get("Cookie"),
        headers.get("Authorization"),
        headers.get("Sec-Fetch-Mode"),
        headers.get("Sec-Fetch-Site"),
    )
