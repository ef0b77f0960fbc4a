"""Who there is on the platform, by the identity store: also those who have an account and never came, of whom the hub knows nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from labyard_hub.storage.identity import IdentityStore

__all__ = ["IdentityDirectory"]

CACHE_SECONDS = 3.0


class IdentityDirectory:
    """The people who may sign in. A project's own user is none of them.

    Parameters
    ----------
    store
        Knows them; its methods block and are called in threads.
    clock
        Seconds that only grow.
    """

    def __init__(self, store: IdentityStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._names: Sequence[str] = ()
        self._read_at: float | None = None

    async def exists(self, name: str) -> bool:
        """Whether a user has this name, now."""
        user = await asyncio.to_thread(self._store.get_user, name)
        return user is not None and user.name == name  # the store finds names in any case

    async def names(self) -> Sequence[str]:
        """Return all users' names, sorted, as they were a moment ago."""
        if self._read_at is None or self._clock() - self._read_at >= CACHE_SECONDS:
            now = self._clock()
            self._names = sorted(user.name for user in await asyncio.to_thread(self._store.list_users))
            self._read_at = now
        return self._names
