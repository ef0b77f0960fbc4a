"""What lets several pytest processes (`pytest -n`) run at once: the order of files, names of a worker's own, and a stop that waits for what they clean up."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from functools import cache
from itertools import chain, count, zip_longest
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = [
    "WORKER",
    "free_port",
    "group_of",
    "in_order",
    "interrupt_once",
    "pod_network",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_sessionfinish",
    "pytest_testnodedown",
    "pytest_xdist_make_scheduler",
    "worker_ends",
]

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""``gw0``, ``gw1``, ...; empty where one process runs all tests."""

PORTS_EACH = 2_000
FIRST_PORT = 12_000
"""Below those that Linux gives to whoever asks for any port, so nothing else takes one between its choice and its use."""

STOP_SECONDS = 120
ROOT = Path(__file__).parents[1]
LONG = ("browser", "integration")
"""Folders whose files take minutes each."""

_next_port = count()
_nodes: list[Any] = []
"""xdist's workers, in the process that has started them."""
worker_ends: dict[str, float] = {}
"""When each worker ended, by ``time.time``, in the process that has started them."""


def free_port() -> int:
    """Return a free TCP port of 127.0.0.1 that no other worker chooses, and this one not soon again."""
    worker = int(WORKER.removeprefix("gw") or "0")
    while True:
        port = FIRST_PORT + worker % 10 * PORTS_EACH + (os.getpid() * 7 + next(_next_port)) % PORTS_EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def pod_network() -> str:
    """Return the first two bytes of the addresses of a fake cluster's pods, in 127.0.0.0/8, that no other worker's have."""
    return f"127.{101 + int(WORKER.removeprefix('gw') or '0') % 100}"


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with the long groups first, so that no worker is left with one at the end; those of the browser alternate with others."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(group_of(item.nodeid), []).append(item)
    folders = {name: [group for group, found in groups.items() if f"tests/{name}/" in found[0].nodeid] for name in LONG}
    for names in folders.values():
        names.sort(key=lambda name: (-len(groups[name]), name))
    first = [name for name in chain.from_iterable(zip_longest(*folders.values())) if name is not None]
    return [item for name in dict.fromkeys([*first, *groups]) for item in groups[name]]


def group_of(nodeid: str) -> str:
    """Return which tests run in one process, one after the other: those of a file, or of the files whose ``pytestmark`` has the same ``xdist_group``."""
    file = nodeid.partition("::")[0]
    return _mark_of(file) or file


@cache
def _mark_of(file: str) -> str:
    path = ROOT / file
    found = re.search(r'^pytestmark = .*xdist_group\("([^"]+)"\)', path.read_text(), re.MULTILINE) if path.is_file() else None
    return found[1] if found is not None else ""


class ByGroup(LoadScopeScheduling):
    """Sends a group's tests to one worker, in the workers' order.

    ``--dist loadgroup`` sends each test by itself with pytest 9.2: it writes the group into a field that pytest has no more (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """Schedule by groups, whatever ``--dist`` says."""
    config.option.loadscopereorder = False
    return ByGroup(config, log)


def interrupt_once() -> None:
    """Take SIGTERM and SIGHUP like Ctrl-C, so that what was started is stopped, and only the first of several signals, lest the others interrupt that."""
    asked = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupt)


def pytest_configure() -> None:
    """Take SIGTERM, as from a time limit of CI, like Ctrl-C: what tests have started is stopped, and accounts are removed.

    A worker is asked up to three times: by the terminal, by `timeout` and by `pytest_sessionfinish`.
    """
    if WORKER:
        interrupt_once()
    else:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    _nodes.append(node)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    worker_ends[node.gateway.id] = time.time()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(exitstatus: int) -> None:
    """Interrupt xdist's workers and wait until they have cleaned up; by itself xdist would kill them after ten seconds."""
    if exitstatus != pytest.ExitCode.INTERRUPTED:
        return
    for node in _nodes:
        if not node._down:
            os.kill(node.gateway._rinfo().pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(not node._down for node in _nodes) and time.monotonic() < deadline:
        time.sleep(0.1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker, put the tests in order, and give each twice its time: it has half of the machine."""
    if not WORKER:
        return
    items[:] = in_order(items)
    for item in items:
        marker = item.get_closest_marker("timeout")
        seconds = float(marker.args[0] if marker is not None else config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(2 * seconds), append=False)
