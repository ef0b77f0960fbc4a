"""Who calls: from a token to a user, with answers kept for a moment."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from labyard.exceptions import MissingScopeError, UnauthenticatedError
from labyard.models.user import User
from labyard_hub.backends.hub_api import HubUser
from labyard_hub.domain.scopes import SERVICE_SCOPE, opens_service
from labyard_hub.exceptions import NotAUserError

__all__ = ["Authentication", "UserLookup"]

CACHE_SECONDS = 3.0
"""MLflow's gateway keeps an answer for 2 s more: a revoked token works for at most 5 s."""
CACHE_ENTRIES = 1024
MAX_TOKEN_LENGTH = 512


class UserLookup(Protocol):
    """Knows whom a token belongs to."""

    async def user_for_token(self, token: str) -> HubUser | None:
        """Return the owner; None if the token is not valid."""


class Authentication:
    """Turns tokens into users.

    Parameters
    ----------
    hub
        Whom to ask.
    clock
        Seconds that only grow.
    """

    def __init__(self, hub: UserLookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, HubUser | None]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[HubUser | None]] = {}

    async def user(self, token: str, accepted: tuple[str, ...] = (SERVICE_SCOPE,)) -> User:
        """Return the user whose `token` this is.

        Raises
        ------
        UnauthenticatedError
            If the token is not valid.
        NotAUserError
            If it is a service's.
        MissingScopeError
            If it has none of the scopes `accepted`, nor the one that names its owner.
        HubUnavailableError
            If the hub does not answer and the last answer is too old.
        """
        if not token.isascii() or not token.isprintable() or " " in token or not 0 < len(token) <= MAX_TOKEN_LENGTH:
            raise UnauthenticatedError.of("the token is not one of the hub's")
        owner = await self._owner(token)
        if owner is None:
            raise UnauthenticatedError.of("the token is not valid")
        if not owner.is_user:
            raise NotAUserError
        if not opens_service(owner.name, owner.scopes, accepted):
            raise MissingScopeError(
                f"The token lacks the scope {' or '.join(accepted)}. Make a token with that scope on the hub's token page."
            )
        return User(name=owner.name, admin=owner.admin, groups=owner.groups)

    def forget(self, token: str) -> None:
        """Ask the hub again when `token` comes next."""
        self._cache.pop(_key(token), None)

    async def _owner(self, token: str) -> HubUser | None:
        key = _key(token)
        kept = self._cache.get(key)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        # Requests that need the same answer wait for one question to the hub.
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._hub.user_for_token(token))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        owner = await asyncio.shield(task)
        self._cache[key] = (self._clock() + CACHE_SECONDS, owner)
        self._cache.move_to_end(key)
        while len(self._cache) > CACHE_ENTRIES:
            self._cache.popitem(last=False)
        return owner


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
