"""Visitors whom the front lets pass by an answer that was given a moment ago, and what goes on for them when they may stay no longer.

The server sees no request that the front carries, so it cannot end one of them alone, as its gate does. But it sees the front's connections to tools, each of which is one
request. Once a visitor has lost their role, whatever was under way at that moment and does not end by itself within a second is cut, whosever it is. Most requests end within
milliseconds, and streams of visitors do not come this way at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from labyard_lab.visitors.access import Access, Ask
from labyard_lab.visitors.gate import LOOK_SECONDS
from labyard_lab.visitors.roles import KEEP_SECONDS

__all__ = ["VISITOR_SECONDS", "FrontVisitors"]

VISITOR_SECONDS = 1
"""For so long nginx goes by an answer about a visitor; up to one second longer, because it counts whole ones."""
_LONGEST_SECONDS = VISITOR_SECONDS + 1


@dataclass
class _Passing:
    """Somebody who may have requests under way.

    Attributes
    ----------
    until
        New ones may begin until then, by the last answer.
    connections
        The front's at that time, as far as they are still open; None: it is not over yet.
    """

    until: float
    connections: frozenset[int] | None = None


@dataclass
class FrontVisitors:
    """Knows who may be on the way.

    Attributes
    ----------
    access
        Decides; None where everybody who gets in is the server's own user.
    connections
        Returns the front's connections to tools.
    cut
        Ends all of them.
    clock
        Seconds that only grow.
    """

    access: Access | None
    connections: Callable[[], frozenset[int]]
    cut: Callable[[], None]
    clock: Callable[[], float]
    _passing: dict[Ask, _Passing] = field(default_factory=dict)
    _condemned: frozenset[int] = frozenset()

    def is_owner(self, ask: Ask) -> bool:
        """Whether this is about the server's own user, who needs no watching."""
        return self.access is None or self.access.is_owner(ask.user)

    def let_in(self, ask: Ask) -> int:
        """Note that the front may let such requests pass, and return for how many seconds; 0: this one alone."""
        assert self.access is not None  # noqa: S101  # else everybody is the owner
        self._passing[ask] = _Passing(self.clock() + _LONGEST_SECONDS)
        age = self.access.age_seconds(ask)
        # The two together are never longer than what a role is good for without the front.
        return VISITOR_SECONDS if age is not None and age + _LONGEST_SECONDS <= KEEP_SECONDS else 0

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """End what may not stay. Called once a second."""
        if not self._passing and not self._condemned:
            return
        assert self.access is not None  # noqa: S101
        now, here = self.clock(), self.connections()
        if self._condemned & here:
            self.cut()
            here = frozenset()
        self._condemned = frozenset()
        for ask, passing in list(self._passing.items()):
            if not self.access.allows(ask, self.access.last_role(ask)):
                self._condemned |= here if passing.connections is None else passing.connections & here
                del self._passing[ask]
            elif now >= passing.until:
                passing.connections = here if passing.connections is None else passing.connections & here
                if not passing.connections:
                    del self._passing[ask]
