"""What all tests share: the tools' environments, and a real `labyard up`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from labyard.builtin_tools import BUILT_IN_TOOLS
from labyard_hub.backends.local.environments import ENVIRONMENTS, EnvironmentStore
from tests.budget import pytest_terminal_summary
from tests.platform import RunningPlatform, is_root, open_temporary_folder, remove_account, start_platform
from tests.workers import (
    WORKER,
    group_of,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_configure_node,
    pytest_sessionfinish,
    pytest_testnodedown,
    pytest_xdist_make_scheduler,
)

__all__ = [
    "RunningPlatform",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_xdist_make_scheduler",
]

TEST_ACCOUNT = f"labyard-test{'-' if WORKER else ''}{WORKER}"
"""A Unix account that the tests make, to start Labyard as an ordinary user; each worker has its own."""


@pytest.fixture(scope="session")
def environments() -> Iterator[Path]:
    """A folder with one environment per name, as `make setup` made them; a missing one is made now."""
    with open_temporary_folder() as folder:
        store = EnvironmentStore.default(folder)
        for name in ENVIRONMENTS:
            (folder / name).symlink_to(store.ensure(name))
        yield folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of this test's own that other accounts can reach; pytest's own are closed to them."""
    with open_temporary_folder() as folder:
        yield folder


@pytest.fixture
def platform(open_folder: Path) -> Iterator[RunningPlatform]:
    """A platform of this test's own, started as whoever runs the tests."""
    with start_platform(open_folder / "state") as running:
        yield running


_shared = ExitStack()
_running: list[RunningPlatform] = []


@pytest.fixture(scope="session")
def _end_shared() -> Iterator[None]:
    """End the shared platform of a run that is interrupted, too."""
    yield
    _shared.close()


@pytest.fixture(scope="module")
def shared_platform(_end_shared: None) -> RunningPlatform:
    """A platform with all built-in tools for the files of the group ``shared platform``, which ends with the group's last file.

    Each file ends what it made there.
    """
    if not _running:
        folder = _shared.enter_context(open_temporary_folder())
        _shared.callback(_running.clear)
        _running.append(_shared.enter_context(start_platform(folder / "state", tools=BUILT_IN_TOOLS)))
    return _running[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End the shared platform after its last file, lest its processes pass for those of the tests that follow."""
    try:
        return (yield)
    finally:
        if nextitem is None or group_of(nextitem.nodeid) != group_of(item.nodeid):
            _shared.close()


@pytest.fixture
def ordinary_user() -> Iterator[tuple[str, ...]]:
    """The command that runs another one as an ordinary user: empty where the tests run as one."""
    if not is_root():
        yield ()
        return
    made = subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", TEST_ACCOUNT], check=False)
    assert made.returncode in (0, 9)  # 9: a killed run left it behind
    try:
        yield ("setpriv", f"--reuid={TEST_ACCOUNT}", f"--regid={TEST_ACCOUNT}", "--clear-groups", "--reset-env")
    finally:
        remove_account(TEST_ACCOUNT)
