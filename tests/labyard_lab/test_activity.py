"""What counts as use of a server: real processes, and real CPU time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labyard_lab.activity import WorkWatch, look_seconds
from labyard_lab.own_processes import control_group_file

LOOP = "while True: sum(range(10**6))"
MARKED = {"JUPYTERHUB_SERVICE_PREFIX": "/user/test-activity/"}


@dataclass
class Shells:
    """Starts shells in sessions of their own, as terminals do."""

    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, command: str, **environment: str) -> int:
        full = {**os.environ, **environment}
        self.started.append(subprocess.Popen(["/bin/sh", "-c", command], start_new_session=True, env=full))
        return self.started[-1].pid


@pytest.fixture
def shell() -> Iterator[Shells]:
    shells = Shells()
    yield shells
    for process in shells.started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Tool:
    head_pid: int | None = None
    is_connected: bool = False


def settings(kernels: list[str] | None = None) -> dict[str, Any]:
    models = [{"execution_state": state} for state in kernels or []]
    return {"kernel_manager": SimpleNamespace(list_kernels=lambda: models)}


async def finds_work(watch: WorkWatch) -> bool:
    """Return whether it sees work within some looks."""
    for _ in range(40):
        if await watch.look():
            return True
        await asyncio.sleep(0.25)
    return False


async def finds_none(watch: WorkWatch) -> bool:
    """Return whether it sees no work, once what has just been started has come to rest."""
    for _ in range(40):
        if not await watch.look():
            await asyncio.sleep(1)  # a while in which nothing happens
            if not await watch.look():
                return True
    return False


@pytest.mark.parametrize(("states", "works"), [([], False), (["idle"], False), (["starting"], False), (["idle", "busy"], True)])
async def test_a_busy_kernel_works(states: list[str], works: bool) -> None:
    given = settings(states)
    assert await WorkWatch(given).look() is works
    assert bool(given.get("last_activity_times")) is works


async def test_a_program_that_computes_in_a_terminal_works(shell: Shells) -> None:
    given = settings()
    shell(f"{sys.executable} -c '{LOOP}' & wait")
    watch = WorkWatch(given)
    assert await finds_work(watch)
    first = given["last_activity_times"]["labyard"]
    assert await finds_work(watch)
    assert given["last_activity_times"]["labyard"] > first


async def test_a_detached_program_that_computes_works(shell: Shells, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shell has ended, so it descends from nothing of the server's any more."""
    monkeypatch.setenv(*next(iter(MARKED.items())))
    pid = shell(f"nohup {sys.executable} -c '{LOOP}' >/dev/null 2>&1 &", **MARKED)
    await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert await finds_work(WorkWatch(settings()))
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/another/")
    assert await finds_none(WorkWatch(settings())), "it is another server's"


async def test_a_kernels_thread_and_child_work(shell: Shells) -> None:
    pid = shell(
        f"exec {sys.executable} -c 'import threading, time; threading.Thread(target=lambda: exec(\"{LOOP}\")).start(); time.sleep(60)'"
    )
    assert await finds_work(WorkWatch(settings(["idle"])))
    os.killpg(pid, signal.SIGKILL)
    pid = shell(
        f'exec {sys.executable} -c \'import subprocess, sys, time; subprocess.Popen([sys.executable, "-c", "{LOOP}"]); time.sleep(60)\''
    )
    assert await finds_work(WorkWatch(settings(["idle"])))


async def test_programs_that_wait_and_programs_that_ended_do_not(shell: Shells) -> None:
    shell("sleep 60 & wait")
    shell("true")
    assert await finds_none(WorkWatch(settings()))
    assert not await WorkWatch({}).look()


async def test_an_open_connection_to_a_tool_is_use() -> None:
    tool = Tool()
    watch = WorkWatch({}, lambda: [tool])
    assert await finds_none(watch)
    tool.is_connected = True
    assert await watch.look()


async def test_a_tool_that_looks_for_files_does_not_work_and_one_that_computes_does(shell: Shells) -> None:
    some = "import time\nwhile True:\n  until = time.process_time() + 0.01\n  while time.process_time() < until: pass\n  time.sleep(0.24)"
    pid = shell(f"exec {sys.executable} -c '{some}'")
    assert await finds_work(WorkWatch({})), "from a terminal it would count"
    assert await finds_none(WorkWatch({}, lambda: [Tool(pid)]))
    pid = shell(f"exec {sys.executable} -c '{LOOP}'")
    assert await finds_work(WorkWatch({}, lambda: [Tool(pid)]))


@pytest.mark.parametrize(
    ("listing", "file"),
    [
        ("0::/labyard/a1-b2\n", "labyard/a1-b2/cgroup.procs"),
        ("4:memory:/labyard/a1-b2\n0::/\n", "memory/labyard/a1-b2/cgroup.procs"),
        ("3:cpu,cpuacct:/labyard/a1-b2\n0::/\n", "cpu/labyard/a1-b2/cgroup.procs"),
        ("0::/user.slice/session-1.scope\n", None),
        ("0::/\n", None),
    ],
)
def test_the_control_group_is_labyards_own(tmp_path: Path, listing: str, file: str | None) -> None:
    (tmp_path / "cgroup").write_text(listing)
    assert control_group_file(tmp_path / "cgroup", tmp_path) == (tmp_path / file if file else None)
    assert control_group_file(tmp_path / "missing") is None


@pytest.mark.parametrize(("interval", "seconds"), [(None, 30), ("300", 30), ("5", 2.5), ("1", 1)])
def test_it_looks_more_often_than_the_hub_is_told(monkeypatch: pytest.MonkeyPatch, interval: str | None, seconds: float) -> None:
    monkeypatch.delenv("JUPYTERHUB_ACTIVITY_INTERVAL", raising=False)
    if interval is not None:
        monkeypatch.setenv("JUPYTERHUB_ACTIVITY_INTERVAL", interval)
    assert look_seconds() == seconds
