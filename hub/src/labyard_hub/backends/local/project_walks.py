"""Decides when each project's folder is walked through: at once when rights change, else as often as costs little."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from labyard_hub.backends.local.known_accounts import AccountTable
from labyard_hub.backends.local.project_inode import Mender
from labyard_hub.backends.local.project_rights import Rights
from labyard_hub.backends.local.project_walk import walk

__all__ = ["ProjectWalks"]

SHORTEST_PERIOD_SECONDS = 2.0
LOAD = 0.05
"""Part of one core that all regular walks together may use."""
COMPLETE_PERIOD_SECONDS = 3600.0
"""How often everything is checked, also what seems unchanged, in seconds."""
THREADS = 6
WALK_OVERHEAD_SECONDS = 0.0001
"""What starting a walk costs."""
COMPLETE_COST = 5.0
"""A walk that looks at everything costs so many times one that looks at changes only; an estimate until that is known."""
ACTIVE_SECONDS = 600.0
"""How long a folder counts as active after a change in it, in seconds."""
HEAVY_SECONDS = 0.5
"""Regular walks that cost more wait for each other, so that small projects and changes of rights do not wait for them."""
CTIME_MARGIN_NS = 10**9
"""The kernel's clock for times of change lags by some milliseconds."""
CLOCK_STEP_NS = 10**9

_log = structlog.get_logger("labyard.files")


@dataclass
class _Work:
    """What is known about one folder."""

    folder: Path
    wanted: Rights
    copies: bool
    walked: Rights | None = None
    since_ns: int = 0
    cost_seconds: float = 0.0
    walked_at: float = 0.0
    active_at: float = 0.0
    complete_at: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    task: asyncio.Task[None] | None = None
    told: set[str] = field(default_factory=set)

    @property
    def period_seconds(self) -> float:
        """How often to walk, were this the only folder."""
        return max(SHORTEST_PERIOD_SECONDS, self.cost_seconds / LOAD)

    def is_active(self, now: float) -> bool:
        """Whether something was changed in it lately."""
        return now < self.active_at + ACTIVE_SECONDS


class ProjectWalks:
    """The walks of all projects.

    Parameters
    ----------
    table
        Knows the accounts.
    clock
        Wall-clock time in ns, as the kernel's times of change.
    """

    def __init__(self, table: AccountTable, clock: Callable[[], int] = time.time_ns) -> None:
        self._table, self._clock = table, clock
        self._works: dict[str, _Work] = {}
        self._closed = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="project-files")
        self._heavy = asyncio.Semaphore(1)
        self._offset_ns = self._measure_offset()

    def want(self, key: str, folder: Path, rights: Rights, *, copies: bool = True) -> None:
        """Bring everything in `folder` into line with `rights`, now, unless it is known to be. Once closed, that is left to the next start."""
        if self._closed:
            return
        work = self._works.get(key)
        if work is None:
            work = self._works[key] = _Work(folder, rights, copies)
        elif work.wanted == rights:
            return
        work.wanted = rights
        work.stop.set()  # a walk under way goes on with the new rights
        self._start(key, work)

    def look(self, *, everything: bool = False) -> None:
        """Start the walks that are due, or all."""
        if self._clock_was_set():
            for work in self._works.values():
                work.walked = None
        now = time.monotonic()
        loads = {True: 0.0, False: 0.0}
        for work in self._works.values():
            loads[work.is_active(now)] += work.cost_seconds / work.period_seconds
        # Where there are too many for 2 s each, those go first in which something happens.
        stretch = {True: max(1.0, loads[True] / LOAD), False: max(1.0, loads[False] / max(LOAD - loads[True], LOAD / 5))}
        for key, work in self._works.items():
            if work.task is None and (everything or now >= work.walked_at + work.period_seconds * stretch[work.is_active(now)]):
                self._start(key, work)

    async def forget(self, key: str) -> None:
        """Stop walking through a folder; nothing is changed there any more when this returns."""
        work = self._works.pop(key, None)
        if work is not None and work.task is not None:
            work.stop.set()
            work.task.cancel()
            await asyncio.wait([work.task])

    async def wait(self, key: str, seconds: float) -> None:
        """Wait until a folder was walked through, or until the time is over."""
        work = self._works.get(key)
        if work is not None and work.task is not None:
            await asyncio.wait([work.task], timeout=seconds)

    async def settled(self) -> None:
        """Wait for all walks that have begun."""
        while tasks := [work.task for work in self._works.values() if work.task is not None]:
            await asyncio.wait(tasks)

    def is_done(self, key: str) -> bool:
        """Whether everything in the folder was brought into line with the rights wanted last."""
        work = self._works.get(key)
        return work is not None and work.walked == work.wanted

    @property
    def keys(self) -> frozenset[str]:
        """What is walked through."""
        return frozenset(self._works)

    async def close(self) -> None:
        """Stop all walks and wait until they have."""
        self._closed = True
        for key in self.keys:
            await self.forget(key)
        self._threads.shutdown()

    def _start(self, key: str, work: _Work) -> None:
        if work.task is None:
            work.task = asyncio.create_task(self._run(key, work))

    async def _run(self, key: str, work: _Work) -> None:
        try:
            while self._works.get(key) is work:
                urgent = work.wanted != work.walked
                async with contextlib.nullcontext() if urgent or work.cost_seconds < HEAVY_SECONDS else self._heavy:
                    rights, work.stop = work.wanted, threading.Event()
                    # Shielded: a thread cannot be cancelled, and `forget` has to know that it has ended.
                    thread = asyncio.get_running_loop().run_in_executor(self._threads, self._walk, key, work, rights, work.stop)
                    try:
                        await asyncio.shield(thread)
                    except asyncio.CancelledError:
                        await asyncio.wait([thread])
                        raise
                if not work.stop.is_set():
                    break
        finally:
            work.task = None
            work.walked_at = time.monotonic()

    def _walk(self, key: str, work: _Work, rights: Rights, stop: threading.Event) -> None:
        began_ns, began, used = self._clock(), time.monotonic(), time.thread_time()
        mender = Mender(rights, self._table.known().uids, stop, copies=work.copies)
        complete = work.walked != rights or began >= work.complete_at + COMPLETE_PERIOD_SECONDS
        try:
            top = os.open(work.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if complete:
                    walk(top, mender, stop, folders_only=True)
                done = walk(top, mender, stop, since_ns=None if complete else work.since_ns)
            finally:
                os.close(top)
        except OSError as error:
            mender.failed[error.strerror or str(error)] += 1
            done = False
        cost = time.thread_time() - used
        work.cost_seconds = (cost / COMPLETE_COST if complete else cost) + WALK_OVERHEAD_SECONDS
        if mender.recent:
            work.active_at = time.monotonic()
        if done:
            work.walked, work.since_ns = rights, began_ns - CTIME_MARGIN_NS
            if complete:
                work.complete_at = began
        self._tell(key, work, mender)

    def _tell(self, key: str, work: _Work, mender: Mender) -> None:
        """Log what was left alone or failed, once per reason."""
        for level, reasons in (("info", mender.left), ("warning", mender.failed)):
            for reason, count in reasons.items():
                if reason not in work.told:
                    work.told.add(reason)
                    getattr(_log, level)("files of a project are left as they are", project=key, reason=reason, count=count)

    def _measure_offset(self) -> int:
        return self._clock() - time.monotonic_ns()

    def _clock_was_set(self) -> bool:
        """Whether somebody set the machine's clock, so that times of change cannot be compared with those of before."""
        offset = self._measure_offset()
        stepped = abs(offset - self._offset_ns) > CLOCK_STEP_NS // 2
        self._offset_ns = offset
        return stepped
