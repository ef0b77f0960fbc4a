"""Keeps the platform's processes alive.

Every process is detached and recorded in ``run/private``, so nothing dies with a killed supervisor, and the next one adopts what
still runs and was started in the same way.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import IO

import httpx
import structlog

from labyard_hub.backends.local.processes import ProcessRecord, end_processes
from labyard_hub.backends.local.servers import list_servers
from labyard_hub.config.state import NO_ROOM, PLATFORM_UMASK, StateFolder
from labyard_hub.exceptions import PlatformStartError
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["Supervisor", "record_file"]

CHECK_SECONDS = 0.5
BACKOFF_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
STABLE_SECONDS = 60.0
"""Running time after which a process's backoff starts again, in seconds."""
STOP_PATIENCE_SECONDS = 10.0
LOG_MAX_BYTES = 20 * 2**20

_log = structlog.get_logger("labyard.supervisor")


def record_file(state: StateFolder, name: str) -> Path:
    """Return where the record of the platform's process `name` is."""
    return state.run_private / "processes" / f"{name}.json"


@dataclass
class _Managed:
    spec: ProcessSpec
    record: ProcessRecord
    child: Popen[bytes] | None  # None for an adopted one
    since: float
    failures: int = 0


class Supervisor:
    """Starts, watches and ends processes.

    Parameters
    ----------
    state
        Records and logs go there.
    report
        Called with (process, what happened) for a person.
    """

    def __init__(self, state: StateFolder, report: Callable[[str, str], None]) -> None:
        self._state = state
        self._report = report
        self._managed: dict[str, _Managed] = {}

    async def start(self, spec: ProcessSpec) -> None:
        """Start or adopt one process, and wait until it is ready if it is essential.

        Raises
        ------
        PlatformStartError
            If an essential process ends or is not ready in time.
        """
        record = ProcessRecord.read(record_file(self._state, spec.name))
        alive = record is not None and record.is_running()
        if record is not None and alive and spec.adopt and record.digest == _digest(spec):
            self._managed[spec.name] = _Managed(spec, record, None, time.monotonic())
            how = "ready, adopted"
        else:
            if record is not None and alive:
                await self._end(record)
            self._launch(spec)
            how = "ready"
        if spec.essential:
            await self.wait_ready(spec)
            self._report(spec.name, how)
        else:
            self._report(spec.name, how if how != "ready" else "starting in the background")

    def _launch(self, spec: ProcessSpec, failures: int = 0) -> None:
        log_file = self._state.logs / f"{spec.name}.log"
        if log_file.exists() and log_file.stat().st_size > LOG_MAX_BYTES:
            log_file.replace(log_file.with_suffix(".log.1"))
        try:
            with _open_log(log_file) as log:
                child = Popen(
                    spec.argv,
                    env=dict(spec.env),
                    cwd=spec.cwd or self._state.run_private,
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=STDOUT,
                    start_new_session=True,
                    umask=PLATFORM_UMASK,
                )
        except OSError as error:
            raise PlatformStartError(spec.name, f"{spec.argv[0]}: {error.strerror}") from error
        record = ProcessRecord.of(spec.name, child.pid, _digest(spec))
        try:
            record.write(record_file(self._state, spec.name))
        except OSError as error:  # `labyard down` and the next `labyard up` find the process by its folder
            _log.warning("the record of a process cannot be written", process=spec.name, error=error.strerror)
        self._managed[spec.name] = _Managed(spec, record, child, time.monotonic(), failures)

    async def wait_ready(self, spec: ProcessSpec) -> None:
        """Wait until `spec.ready_url` answers while the process of that name runs.

        Raises
        ------
        PlatformStartError
            If the process ends or the time is over.
        """
        log = self._state.logs / f"{spec.name}.log"
        deadline = time.monotonic() + spec.start_timeout_seconds
        # The address may carry a certificate of one's own; whether browsers trust it is not asked here.
        async with httpx.AsyncClient(timeout=2, trust_env=False, verify=False) as client:  # noqa: S501
            while spec.ready_url is not None:
                if not _runs(self._managed[spec.name]):
                    raise PlatformStartError(spec.name, f"it ended. Its last words:\n{_tail(log)}\n", log)
                try:
                    if (await client.get(spec.ready_url)).status_code < 500:
                        return
                except httpx.HTTPError:
                    pass
                if time.monotonic() > deadline:
                    raise PlatformStartError(spec.name, f"it did not answer within {spec.start_timeout_seconds:g} s", log)
                await asyncio.sleep(0.05)

    async def watch(self, stopped: asyncio.Event) -> None:
        """Restart what dies, sooner at first and later if it keeps dying, until `stopped` is set."""
        due: dict[str, float] = {}
        while not stopped.is_set():
            now = time.monotonic()
            for name, managed in list(self._managed.items()):
                if _runs(managed):
                    if now - managed.since > STABLE_SECONDS:
                        managed.failures = 0
                    continue
                if name not in due:
                    delay = BACKOFF_SECONDS[min(managed.failures, len(BACKOFF_SECONDS) - 1)]
                    _log.warning("process ended", process=name, restart_in_seconds=delay)
                    due[name] = now + delay
                if now >= due[name]:
                    del due[name]
                    try:
                        self._launch(managed.spec, managed.failures + 1)
                        self._report(name, "had ended, started again")
                    except PlatformStartError as error:
                        managed.failures += 1
                        _log.error("restart failed", process=name, error=error.message)
            try:
                await asyncio.wait_for(stopped.wait(), CHECK_SECONDS)
            except TimeoutError:
                continue

    async def _end(self, record: ProcessRecord) -> None:
        # Servers are the hub's children, and outlive it.
        servers = list_servers(self._state)
        await asyncio.to_thread(end_processes, [record], patience_seconds=STOP_PATIENCE_SECONDS, spare=servers)

    async def stop(self, names: Sequence[str] | None = None) -> None:
        """End processes, all of them where `names` is None, at the same time."""
        ending = [name for name in self._managed if names is None or name in names]
        await asyncio.gather(*(self._stop(name) for name in ending))

    async def _stop(self, name: str) -> None:
        managed = self._managed.pop(name)
        await self._end(managed.record)
        if managed.child is not None:
            await asyncio.to_thread(managed.child.wait)
        record_file(self._state, name).unlink(missing_ok=True)


def _runs(managed: _Managed) -> bool:
    if managed.child is not None:
        return managed.child.poll() is None
    return managed.record.is_running()


def _open_log(file: Path) -> IO[bytes]:
    """Open a log to append to; where the disk has no room for a new one, what is written is dropped."""
    try:
        return file.open("ab")
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        return Path(os.devnull).open("ab")


def _digest(spec: ProcessSpec) -> str:
    text = json.dumps([spec.argv, sorted(spec.env.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _tail(log: Path, lines: int = 8) -> str:
    try:
        return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
