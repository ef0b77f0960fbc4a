"""When the hub looks through its memory for objects that only hold one another: in quiet moments, not in the middle of somebody's request.

Python does that by itself after so many new objects, and looks at all there are: 0.2 to 0.3 s of CPU with 1,000 servers, which every request waits for. That was the
slowest percent of requests during a storm of starts.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

__all__ = ["LOOK_SECONDS", "MemoryKeeper"]

LOOK_SECONDS = 60.0
"""So often is asked whether the moment is quiet."""

BETWEEN_SECONDS = 600.0
AT_MOST_SECONDS = 3600.0
"""After so long it is done in any moment."""

WHOLE_SECONDS = 86400.0
"""After so long it looks at what was set aside, too."""

LONG_SECONDS = 0.1
NEVER = 1_000_000
"""Of the second generation's collections, before Python would look at all objects by itself."""


class MemoryKeeper:
    """Keeps Python's collector from looking at all objects by itself, and has it do so in quiet moments.

    What a whole look leaves, if it took long, is set aside: the next one passes it by, but for once a day.

    Parameters
    ----------
    is_quiet
        Whether nothing is under way that somebody waits for.

    Attributes
    ----------
    looks
        How often it has looked.
    """

    def __init__(self, is_quiet: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self.looks = 0
        self._is_quiet = is_quiet
        self._clock = clock
        self._looked_at = self._whole_at = clock()

    def begin(self) -> None:
        """Take over from Python."""
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, NEVER)

    def set_aside(self) -> None:
        """Pass by what there is now: imported modules, and everybody whose server runs."""
        gc.freeze()

    def look(self) -> None:
        """Look through the memory if it is time and the moment is quiet."""
        now = self._clock()
        since = now - self._looked_at
        if since < BETWEEN_SECONDS or (since < AT_MOST_SECONDS and not self._is_quiet()):
            return
        if now - self._whole_at >= WHOLE_SECONDS:
            gc.unfreeze()
            self._whole_at = now
        gc.collect()
        self.looks += 1
        self._looked_at = self._clock()
        if self._looked_at - now > LONG_SECONDS:
            gc.freeze()
