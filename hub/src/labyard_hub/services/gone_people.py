"""Members who have left the platform, and whose names may be somebody else's by now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from labyard_hub.storage.store import Transaction

__all__ = ["gone_people"]


async def gone_people(tx: Transaction, generation: Callable[[str], int]) -> frozenset[tuple[str, int]]:
    """Return who is in some project and not on the platform any more, as names with their generation.

    Parameters
    ----------
    generation
        How many people had a name before; it may read a file for each.
    """
    people = await tx.members.people()
    return await asyncio.to_thread(lambda: frozenset((user, known) for user, known in people if known != generation(user)))
