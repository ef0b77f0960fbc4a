"""When the hub's memory is looked through, by a clock of the test's own, and what is collected then."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from labyard_hub.hub_plugins.hub.memory import AT_MOST_SECONDS, BETWEEN_SECONDS, LONG_SECONDS, WHOLE_SECONDS, MemoryKeeper


class Ring:
    """Holds itself, so that only the collector ends it."""

    def __init__(self) -> None:
        self.me = self


@dataclass
class Moment:
    now: float = 0.0
    quiet: bool = True
    look_takes: float = 0.0
    """Seconds that pass between two questions for the time."""

    def clock(self) -> float:
        self.now += self.look_takes
        return self.now

    def is_quiet(self) -> bool:
        return self.quiet


@pytest.fixture
def moment() -> Iterator[Moment]:
    threshold = gc.get_threshold()
    yield Moment()
    gc.set_threshold(*threshold)
    gc.unfreeze()


def old_ring() -> weakref.ref[Any]:
    """Make one that the collector takes for long-lived."""
    ring = Ring()
    gc.collect()
    return weakref.ref(ring)


def test_python_does_not_look_through_all_objects_by_itself(moment: Moment) -> None:
    MemoryKeeper(moment.is_quiet, moment.clock).begin()
    looks: list[int] = []
    gc.callbacks.append(note := lambda phase, info: looks.append(info["generation"]) if phase == "start" else None)
    try:
        kept = [[number] for number in range(200_000)]
    finally:
        gc.callbacks.remove(note)
    assert len(kept) == 200_000
    assert 1 in looks
    assert 2 not in looks


def test_it_looks_after_a_while_in_a_quiet_moment(moment: Moment) -> None:
    keeper = MemoryKeeper(moment.is_quiet, moment.clock)
    ring = old_ring()
    moment.now = BETWEEN_SECONDS - 1
    keeper.look()
    assert not keeper.looks
    assert ring() is not None
    moment.now = BETWEEN_SECONDS
    moment.quiet = False
    keeper.look()
    assert not keeper.looks
    moment.quiet = True
    keeper.look()
    assert keeper.looks == 1
    assert ring() is None
    keeper.look()
    assert keeper.looks == 1, "not twice"


def test_it_looks_in_the_end_where_no_moment_is_quiet(moment: Moment) -> None:
    keeper = MemoryKeeper(moment.is_quiet, moment.clock)
    moment.quiet = False
    moment.now = AT_MOST_SECONDS - 1
    keeper.look()
    assert not keeper.looks
    moment.now = AT_MOST_SECONDS
    keeper.look()
    assert keeper.looks == 1


def test_what_a_long_look_leaves_is_passed_by_but_once_a_day(moment: Moment) -> None:
    keeper = MemoryKeeper(moment.is_quiet, moment.clock)
    moment.now = BETWEEN_SECONDS
    held = Ring()
    moment.look_takes = LONG_SECONDS
    keeper.look()
    assert keeper.looks == 1
    assert gc.get_freeze_count() > 0
    ring = weakref.ref(held)
    del held
    moment.look_takes = 0
    moment.now += BETWEEN_SECONDS
    keeper.look()
    assert keeper.looks == 2
    assert ring() is not None, "set aside"
    moment.now = WHOLE_SECONDS
    keeper.look()
    assert keeper.looks == 3
    assert ring() is None


def test_a_short_look_sets_nothing_aside(moment: Moment) -> None:
    keeper = MemoryKeeper(moment.is_quiet, moment.clock)
    gc.unfreeze()
    moment.now = BETWEEN_SECONDS
    keeper.look()
    assert keeper.looks == 1
    assert gc.get_freeze_count() == 0
