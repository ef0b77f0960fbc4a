"""Removed people where servers are processes of this machine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from labyard_hub.backends.local.removed_people import folder_size, removed_people, restore
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.removed_people import RemovedPerson

__all__ = ["LocalRemovedPeople"]

MEASURE_SECONDS = 3.0
"""How long a list waits for the sizes of homes. They are known at a later look."""


class LocalRemovedPeople:
    """The port `RemovedPeople` on one machine.

    Parameters
    ----------
    isolated
        Whether people have Unix accounts of their own.
    keep_seconds
        How long homes are kept; None: for ever.
    """

    def __init__(self, state: StateFolder, *, isolated: bool, keep_seconds: float | None) -> None:
        self._state, self._isolated, self._keep_seconds = state, isolated, keep_seconds
        self._sizes: dict[str, str | None] = {}
        self._measuring: asyncio.Task[None] | None = None

    async def people(self, db: Any) -> list[RemovedPerson]:  # noqa: ARG002  # the files know
        """Return everybody who was removed."""
        found = await asyncio.to_thread(removed_people, self._state, self._keep_seconds)
        homes = [one.home for one in found if one.home is not None]
        self._sizes = {home: size for home, size in self._sizes.items() if home in homes}
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure([home for home in homes if home not in self._sizes]))
        await asyncio.wait([self._measuring], timeout=MEASURE_SECONDS)
        return [replace(one, size=self._sizes.get(one.home)) if one.home is not None else one for one in found]

    async def _measure(self, homes: list[str]) -> None:
        for home in homes:
            self._sizes[home] = await asyncio.to_thread(folder_size, home)

    async def restore(self, db: Any, name: str, generation: int) -> None:  # noqa: ARG002  # see above
        """Give a removed person their name, home, runs and models back."""
        await asyncio.to_thread(restore, name, generation, self._state, isolated=self._isolated)

    async def sweep(self) -> None:
        """Leave it to the labyard service, which empties the trash of projects, too."""
