"""Lets the owner of a server work on while the hub is away or hangs.

JupyterHub's part of a server asks the hub who sends each request, and remembers the answer for some seconds. Without the hub it answers 500, so a save is lost.
Here the hub's last answer about the server's own user holds for as long as a setting says. Visitors' answers are not kept: their rights end with the hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tornado.web import HTTPError

__all__ = ["HubAbsence"]

PATIENCE_SECONDS = 2.0
"""Upper bound of the wait for one answer of the hub."""
AGAIN_SECONDS = 5.0
"""Pause between two questions to a hub that does not answer. Meanwhile requests do not wait."""
MAX_KEPT = 256
"""Tokens of the owner that are remembered."""
AWAY = "Labyard's hub does not answer at the moment, so this server cannot see who you are. Nothing was changed. Try again in a minute."


@dataclass(frozen=True)
class _Kept:
    model: dict[str, Any]
    at: float


class HubAbsence:
    """Answers in place of the hub while it is away.

    Parameters
    ----------
    owner
        Name of the server's own user.
    seconds
        How long an answer of the hub holds without it.
    clock
        Returns seconds that only grow.
    """

    def __init__(self, owner: str, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._owner, self._seconds, self._clock = owner, seconds, clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._silent_since: float | None = None

    def install(self, hub_auth: Any) -> None:
        """Put this between a server and its ``HubAuth``, whose public method everything else goes through."""
        ask = hub_auth.user_for_token

        def user_for_token(token: str, use_cache: bool = True, session_id: str = "", *, sync: bool = True) -> Any:
            if sync:
                return ask(token, use_cache=use_cache, session_id=session_id, sync=True)
            return self.look_up(token, lambda: ask(token, use_cache=use_cache, session_id=session_id, sync=False))

        hub_auth.user_for_token = user_for_token

    async def look_up(self, token: str, ask: Callable[[], Awaitable[dict[str, Any] | None]]) -> dict[str, Any] | None:
        """Return the hub's answer about `token`, or its last one while it is away.

        Raises
        ------
        tornado.web.HTTPError
            With status 503 if there is neither.
        """
        key = hashlib.sha256(token.encode("utf8", "replace")).hexdigest()
        kept = self._still_valid(key)
        if kept is not None and self._is_silent():
            return kept
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                model = await ask()
        except (HTTPError, TimeoutError) as error:
            self._silent_since = self._clock()
            if kept is not None:
                return kept
            raise HTTPError(503, AWAY) from error
        self._silent_since = None
        self._note(key, model)
        return model

    def _is_silent(self) -> bool:
        return self._silent_since is not None and self._clock() - self._silent_since < AGAIN_SECONDS

    def _still_valid(self, key: str) -> dict[str, Any] | None:
        kept = self._kept.get(key)
        return kept.model if kept is not None and self._clock() - kept.at <= self._seconds else None

    def _note(self, key: str, model: dict[str, Any] | None) -> None:
        with contextlib.suppress(KeyError):
            del self._kept[key]
        if model is not None and model.get("name") == self._owner:
            self._kept[key] = _Kept(model, self._clock())
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
