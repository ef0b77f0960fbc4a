"""One instance of a tool: its process, its state and who uses it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from logging import Logger
from pathlib import Path

import aiohttp

from labyard.models.tool import Tool, ToolInstance, ToolInstanceState
from labyard_lab.exceptions import InstanceNotReadyError, InstanceNotRunningError
from labyard_lab.package_tool import PackageTool
from labyard_lab.running_tools.logs import read_log_tail
from labyard_lab.running_tools.process import Ending, ToolProcess
from labyard_lab.running_tools.readiness import Address, wait_until_ready

__all__ = ["Instance", "LaunchPlan"]


@dataclass(frozen=True)
class LaunchPlan:
    """All that one start needs, placeholders filled in.

    Attributes
    ----------
    command, environment, folder
        What the process gets; `folder` is its working directory.
    address
        Where it will listen.
    ready_target
        Request target that answers below 500 once it is ready.
    log
        File that its output goes to, kept below `log_bytes`.
    headers, headers_file
        More headers of each request to it; a program may write some of them to that file, as JSON, before it answers.
    grace_seconds
        How long it may take to end when asked to.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    address: Address
    ready_target: str
    log: Path
    log_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_file: Path | None = None
    grace_seconds: float = 5


@dataclass
class Instance:
    """One instance of a tool.

    Attributes
    ----------
    id, base_path
        Identifier, and URL path with a trailing slash that it is served under.
    folder
        Folder it was opened on, relative to the server's root; None where the tool takes none.
    """

    id: str
    tool: Tool
    folder: str | None
    base_path: str
    logger: Logger
    state: ToolInstanceState = ToolInstanceState.STOPPED
    reason: str | None = None
    plan: LaunchPlan | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    _process: ToolProcess | None = None
    _session: aiohttp.ClientSession | None = None
    _watcher: asyncio.Task[None] | None = None
    _started: float = field(default_factory=time.monotonic)
    _used: float = field(default_factory=time.monotonic)
    _users: int = 0
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def title(self) -> str:
        """What the tab is called."""
        return f"{self.tool.title} · {'/'.join(self.folder.split('/')[-2:])}" if self.folder else self.tool.title

    @property
    def is_active(self) -> bool:
        """Whether a process belongs to it."""
        return self.state in (ToolInstanceState.STARTING, ToolInstanceState.RUNNING)

    @property
    def is_connected(self) -> bool:
        """Whether a request or a websocket to it is open."""
        return self._users > 0

    @property
    def idle_seconds(self) -> float:
        """Time since its last request; 0 while one is going on or a websocket is open."""
        return 0 if self._users else time.monotonic() - self._used

    @property
    def head_pid(self) -> int | None:
        """Process that all of the tool's others descend from; None if it does not run."""
        return self._process.keeper_pid if self._process is not None else None

    @property
    def url(self) -> str:
        """URL path that its tab opens."""
        return self.tool.opens_at if isinstance(self.tool, PackageTool) else self.base_path

    def start(self, tool: Tool, plan: LaunchPlan) -> None:
        """Start it. Returns at once; the state tells how it goes on."""
        self.tool, self.plan = tool, plan
        self.state, self.reason = ToolInstanceState.STARTING, None
        self._settled.clear()
        self._started = self._used = time.monotonic()
        self._watcher = asyncio.create_task(self._live(plan), name=f"labyard-tool-{self.id}")

    async def stop(self, reason: str | None = None) -> None:
        """End it, and return once nothing of it is left. Nothing happens if it has ended already."""
        async with self._changing:
            if self._watcher is None:
                return
            # One that is ending already must not be cancelled: it would leave its process behind.
            if self.is_active:
                self._settle(ToolInstanceState.STOPPED, reason)
                self._watcher.cancel()
            await asyncio.wait({self._watcher})
            self._watcher = None

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Mark it as used for as long as a request or a websocket is open."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._used = time.monotonic()

    def session(self) -> tuple[aiohttp.ClientSession, Address]:
        """Return what requests to it are made with.

        Raises
        ------
        InstanceNotReadyError
            While it is starting.
        InstanceNotRunningError
            If it has failed or was stopped.
        """
        if self.state is ToolInstanceState.STARTING:
            raise InstanceNotReadyError(self.title)
        if self.state is not ToolInstanceState.RUNNING or self._session is None or self.plan is None:
            raise InstanceNotRunningError(self.title, self.reason)
        return self._session, self.plan.address

    def model(self) -> ToolInstance:
        """Return what the API says about it."""
        return ToolInstance(
            id=self.id,
            tool=self.tool.name,
            title=self.title,
            folder=self.folder,
            state=self.state,
            url=self.url,
            started_seconds=round(time.monotonic() - self._started, 3),
            expected_start_seconds=self.tool.expected_start_seconds,
            idle_seconds=round(self.idle_seconds, 3),
            reason=self.reason,
        )

    async def settled(self, seconds: float) -> None:
        """Return when it is no longer starting, or after `seconds`."""
        if self.state is ToolInstanceState.STARTING and seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), seconds)

    async def log_tail(self) -> list[str]:
        """Return the last lines of its output."""
        return await asyncio.to_thread(read_log_tail, self.plan.log) if self.plan is not None else []

    async def _live(self, plan: LaunchPlan) -> None:
        """Start the process and watch it until it ends."""
        process = self._process = ToolProcess(plan.log, plan.log_bytes, plan.grace_seconds)
        try:
            await process.start(plan.command, plan.folder, plan.environment)
            self._session = plan.address.session()
            ending = asyncio.create_task(process.wait())
            try:
                if await self._became_ready(plan, process, ending):
                    await self._until_over(ending)
            finally:
                ending.cancel()
        except OSError as error:
            self._fail(f"It could not be started: {error.strerror or error}.")
        except Exception:
            self.logger.exception("labyard: watching %s failed", self.id)
            self._fail("Labyard could not watch it. The server's log says why.")
        finally:
            await asyncio.shield(self._clean_up(process))

    async def _became_ready(self, plan: LaunchPlan, process: ToolProcess, ending: asyncio.Task[Ending]) -> bool:
        assert self._session is not None  # noqa: S101
        assert process.keeper_pid is not None  # noqa: S101
        ready = asyncio.create_task(wait_until_ready(self._session, plan.address, plan.ready_target, process.keeper_pid))
        try:
            await asyncio.wait({ready, ending}, timeout=self.tool.start_timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if ending.done():
            self._fail(ending.result().sentence())
            return False
        if not ready.done():
            self._fail(f"It did not answer within {self.tool.start_timeout_seconds:g} s.")
            return False
        ready.result()
        self.headers = {**plan.headers, **await asyncio.to_thread(_written_headers, plan.headers_file)}
        self._settle(ToolInstanceState.RUNNING, None)
        self._used = time.monotonic()
        self.logger.info("labyard: %s is ready after %.1f s", self.id, time.monotonic() - self._started)
        return True

    async def _until_over(self, ending: asyncio.Task[Ending]) -> None:
        """Return when it has ended by itself, or nobody has used it for too long."""
        # Looked up each time: a tool that was started ahead gets its full time when somebody opens it.
        while (limit := self.tool.idle_timeout_seconds) is None or self.idle_seconds < limit:
            pause = None if limit is None else max(limit - self.idle_seconds, 0.01)
            await asyncio.wait({ending}, timeout=pause)
            if ending.done():
                how = ending.result()
                if how.code == 0:
                    self.state, self.reason = ToolInstanceState.STOPPED, "It ended by itself."
                else:
                    self._fail(how.sentence())
                return
        self.state, self.reason = ToolInstanceState.STOPPED, f"It was ended because nobody used it for {limit:g} s."
        self.logger.info("labyard: %s is ended, unused for %g s", self.id, limit)

    def _settle(self, state: ToolInstanceState, reason: str | None) -> None:
        self.state, self.reason = state, reason
        self._settled.set()

    def _fail(self, reason: str) -> None:
        if self.is_active:
            self._settle(ToolInstanceState.FAILED, reason)
            self.logger.warning("labyard: %s failed: %s", self.id, reason)

    async def _clean_up(self, process: ToolProcess) -> None:
        """End what still runs and close the connections."""
        session, self._session, self._process = self._session, None, None
        await process.stop()
        if session is not None:
            await session.close()
        if self.plan is not None and self.plan.address.path is not None:
            await asyncio.to_thread(self.plan.address.path.unlink, missing_ok=True)


def _written_headers(file: Path | None) -> dict[str, str]:
    try:
        found = json.loads(file.read_text()) if file is not None else {}
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
