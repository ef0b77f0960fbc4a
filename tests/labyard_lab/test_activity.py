"""What counts as work that nobody watches: real shells, and real CPU time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from labyard_lab.activity import WorkWatch, look_seconds

LOOP = "while True: sum(range(10**6))"


@pytest.fixture
def shell() -> Iterator[Callable[[str], int]]:
    """Start a shell that runs a command, and return its process id."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: str) -> int:
        started.append(subprocess.Popen(["/bin/sh", "-c", f"{command} & wait"], start_new_session=True))
        return started[-1].pid

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def settings(shells: list[int], kernels: list[str] | None = None) -> dict[str, Any]:
    terminals = {str(pid): SimpleNamespace(ptyproc=SimpleNamespace(pid=pid)) for pid in shells}
    models = [{"execution_state": state} for state in kernels or []]
    return {"terminal_manager": SimpleNamespace(terminals=terminals), "kernel_manager": SimpleNamespace(list_kernels=lambda: models)}


@pytest.mark.parametrize(("states", "works"), [([], False), (["idle"], False), (["starting"], False), (["idle", "busy"], True)])
async def test_a_busy_kernel_works(states: list[str], works: bool) -> None:
    given = settings([], states)
    assert await WorkWatch(given).look() is works
    assert bool(given.get("last_activity_times")) is works


async def test_a_program_that_computes_in_a_terminal_works(shell: Callable[[str], int]) -> None:
    given = settings([shell(f"{sys.executable} -c '{LOOP}'")])
    watch = WorkWatch(given)
    deadline = time.monotonic() + 20
    while not await watch.look():
        assert time.monotonic() < deadline, "it computes all the time"
        await asyncio.sleep(0.2)
    first = given["last_activity_times"]["labyard"]
    await asyncio.sleep(0.5)  # a while in which it computes
    assert await watch.look()
    assert given["last_activity_times"]["labyard"] > first


async def test_a_program_that_waits_and_an_empty_terminal_do_not(shell: Callable[[str], int]) -> None:
    watch = WorkWatch(settings([shell("sleep 60"), shell("true")]))
    await watch.look()
    await asyncio.sleep(1)  # a while in which nothing happens
    assert not await watch.look()


def ended_process() -> int:
    with subprocess.Popen(["true"]) as gone:
        return gone.pid


async def test_a_terminal_that_ended_and_a_server_without_terminals() -> None:
    assert not await WorkWatch(settings([ended_process()])).look()
    assert not await WorkWatch({}).look()


@pytest.mark.parametrize(("interval", "seconds"), [(None, 30), ("300", 30), ("5", 2.5), ("1", 1)])
def test_it_looks_more_often_than_the_hub_is_told(monkeypatch: pytest.MonkeyPatch, interval: str | None, seconds: float) -> None:
    monkeypatch.delenv("JUPYTERHUB_ACTIVITY_INTERVAL", raising=False)
    if interval is not None:
        monkeypatch.setenv("JUPYTERHUB_ACTIVITY_INTERVAL", interval)
    assert look_seconds() == seconds
