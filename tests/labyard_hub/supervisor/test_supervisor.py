"""The supervisor with real processes: small web servers in place of hub and proxy."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from labyard_hub.backends.local.processes import ProcessRecord
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import PlatformStartError, StateFolderInUseError
from labyard_hub.supervisor.control import stop_platform
from labyard_hub.supervisor.lock import hold, is_held
from labyard_hub.supervisor.process import ProcessSpec
from labyard_hub.supervisor.status import UNRECORDED, leftover_processes, platform_status
from labyard_hub.supervisor.supervisor import Supervisor, record_file
from tests.waiting import until
from tests.workers import free_port


def web_server(name: str = "web", **changes: object) -> ProcessSpec:
    port = free_port()
    spec = ProcessSpec(
        name=name,
        argv=(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)),
        env={"PATH": "/usr/bin:/bin"},
        ready_url=f"http://127.0.0.1:{port}/",
        start_timeout_seconds=20,
    )
    return replace(spec, **changes)  # type: ignore[arg-type]


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder.open(tmp_path / "state")


@pytest.fixture
async def supervisor(state: StateFolder) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(state, lambda *_: None)
    yield supervisor
    await supervisor.stop()
    stop_platform(state.root)


def pid_of(state: StateFolder, name: str) -> int:
    record = ProcessRecord.read(record_file(state, name))
    assert record is not None
    return record.pid


async def test_started_recorded_and_stopped(state: StateFolder, supervisor: Supervisor) -> None:
    await supervisor.start(web_server())
    pid = pid_of(state, "web")
    assert [record.name for record in leftover_processes(state)] == ["web"]
    await supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert not record_file(state, "web").exists()
    assert "GET /" in (state.logs / "web.log").read_text()


async def test_a_killed_one_comes_back(state: StateFolder, supervisor: Supervisor) -> None:
    spec = web_server()
    await supervisor.start(spec)
    first = pid_of(state, "web")
    stopped = asyncio.Event()
    watching = asyncio.create_task(supervisor.watch(stopped))
    os.kill(first, signal.SIGKILL)
    await until(lambda: pid_of(state, "web") != first, "another process runs")
    await supervisor.wait_ready(spec)
    stopped.set()
    await watching


async def test_the_next_supervisor_adopts(state: StateFolder, supervisor: Supervisor) -> None:
    spec = web_server()
    await supervisor.start(spec)
    pid = pid_of(state, "web")
    said: list[tuple[str, str]] = []
    second = Supervisor(state, lambda *facts: said.append(facts))
    await second.start(spec)
    assert pid_of(state, "web") == pid
    assert said == [("web", "ready, adopted")]
    await second.stop()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("changes", [{"env": {"PATH": "/bin", "NEW": "1"}}, {"adopt": False}])
async def test_another_configuration_is_started_anew(state: StateFolder, supervisor: Supervisor, changes: dict[str, object]) -> None:
    spec = web_server()
    await supervisor.start(spec)
    pid = pid_of(state, "web")
    second = Supervisor(state, lambda *_: None)
    await second.start(replace(spec, **changes))  # type: ignore[arg-type]
    assert pid_of(state, "web") != pid
    await second.stop()


async def test_one_that_ends_at_once_shows_its_last_words(supervisor: Supervisor) -> None:
    spec = ProcessSpec("web", (sys.executable, "-c", "raise SystemExit('no such database')"), {}, ready_url="http://127.0.0.1:9/")
    with pytest.raises(PlatformStartError, match="no such database"):
        await supervisor.start(spec)


async def test_one_that_never_answers(supervisor: Supervisor) -> None:
    spec = ProcessSpec(
        "web",
        (sys.executable, "-c", "import time; time.sleep(600)"),
        {},
        ready_url=f"http://127.0.0.1:{free_port()}/",
        start_timeout_seconds=0.3,
    )
    with pytest.raises(PlatformStartError, match=r"did not answer within 0\.3 s"):
        await supervisor.start(spec)


async def test_a_missing_program(supervisor: Supervisor) -> None:
    with pytest.raises(PlatformStartError, match="No such file"):
        await supervisor.start(ProcessSpec("web", ("/nonexistent/program",), {}))


async def test_one_that_keeps_dying_is_restarted_ever_later(state: StateFolder, supervisor: Supervisor) -> None:
    spec = ProcessSpec("crash", (sys.executable, "-c", "print('again', flush=True)"), {}, essential=False)
    await supervisor.start(spec)
    stopped = asyncio.Event()
    watching = asyncio.create_task(supervisor.watch(stopped))
    log = state.logs / "crash.log"
    await until(lambda: log.read_text().count("again") >= 3, "three starts")
    stopped.set()
    await watching
    assert log.read_text().count("again") < 6


def test_one_up_per_state_folder(state: StateFolder) -> None:
    assert not is_held(state)
    with hold(state):
        assert is_held(state)
        with pytest.raises(StateFolderInUseError, match="labyard status"), hold(state):
            pytest.fail("held twice")
    assert not is_held(state)


async def test_status_and_down_find_what_a_killed_up_left(state: StateFolder, supervisor: Supervisor) -> None:
    await supervisor.start(web_server("proxy"))
    found = platform_status(state.root)
    assert found.state == "unattended"
    assert [(one.name, one.kind) for one in found.processes] == [("proxy", "platform")]
    assert found.processes[0].memory_bytes > 2**20
    assert await asyncio.to_thread(stop_platform, state.root) == ["proxy"]
    assert platform_status(state.root).state == "stopped"


def test_status_and_down_without_a_state_folder(tmp_path: Path) -> None:
    assert platform_status(tmp_path / "none").state == "stopped"
    assert stop_platform(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


async def test_a_process_without_a_record_is_found_and_ended(supervisor: Supervisor, state: StateFolder) -> None:
    """A full disk takes no record of a process that is started then: HAProxy kept its port, and `labyard down` said that nothing ran."""
    spec = web_server(env={"PATH": "/usr/bin:/bin", "HOME": str(state.run_private)})
    await supervisor.start(spec)
    pid = pid_of(state, "web")
    record_file(state, "web").unlink()
    assert [(one.name, one.pid) for one in leftover_processes(state)] == [(UNRECORDED, pid)]
    assert platform_status(state.root).state == "unattended"
    await asyncio.to_thread(stop_platform, state.root)
    assert leftover_processes(state) == []


async def test_a_disk_that_takes_no_record_ends_nothing(
    supervisor: Supervisor, state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    await supervisor.start(web_server())
    stopped = asyncio.Event()
    watching = asyncio.create_task(supervisor.watch(stopped))
    monkeypatch.setattr(ProcessRecord, "write", no_room)
    former = pid_of(state, "web")
    os.kill(former, signal.SIGKILL)
    await until(lambda: any(one.pid != former for one in psutil.Process().children()), "another process runs")
    assert not watching.done()
    stopped.set()
    await watching
