"""What all tests share: the tools' environments, and a real `labyard up`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from labyard_hub.backends.local.environments import ENVIRONMENTS, EnvironmentStore
from tests.platform import RunningPlatform, open_temporary_folder, start_platform

__all__ = ["RunningPlatform"]


def pytest_configure() -> None:
    """Take SIGTERM, as from a time limit of CI, like Ctrl-C: what tests have started is stopped, and accounts are removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


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
