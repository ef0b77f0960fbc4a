"""How the tests themselves are run by several processes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.budget import spent
from tests.platform import wait_until
from tests.workers import free_port, in_order

ROOT = Path(__file__).parents[1]

CONFTEST = """
import xdist.workermanage
from tests.workers import pytest_configure, pytest_configure_node, pytest_sessionfinish
xdist.workermanage.NodeManager.EXIT_TIMEOUT = 0.1
"""
TESTS = """
import pathlib, time, pytest
here = pathlib.Path(__file__)

@pytest.fixture
def started():
    here.with_suffix(".started").touch()
    yield
    time.sleep(1)  # longer than xdist would wait
    here.with_suffix(".cleaned").touch()

def test_long(started):
    time.sleep(600)
"""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [0, 2])
def test_who_stops_the_tests_has_them_clean_up(tmp_path: Path, asked: signal.Signals, workers: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    names = ["test_a", "test_b"] if workers else ["test_a"]
    for name in names:
        (tmp_path / f"{name}.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "loadgroup", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(lambda: all((tmp_path / f"{name}.started").exists() for name in names), "the tests run", 60)
        run.send_signal(asked)
        said, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == pytest.ExitCode.INTERRUPTED, said
    assert [name for name in names if not (tmp_path / f"{name}.cleaned").exists()] == [], said


def test_the_long_files_come_first() -> None:
    class Item:
        def __init__(self, path: str, group: str | None = None) -> None:
            self.path, self.nodeid, self.group = Path(path), f"{path}::test", group

        def get_closest_marker(self, _: str) -> pytest.Mark | None:
            return pytest.mark.xdist_group(self.group).mark if self.group is not None else None

    paths = [
        "/x/tests/labyard/a.py",
        "/x/tests/browser/b.py",
        "/x/tests/browser/c.py",
        "/x/tests/browser/c.py",
        "/x/tests/integration/d.py",
    ]
    ordered = [item.path.stem for item in in_order([Item(path) for path in paths])]  # type: ignore[misc]
    assert ordered == ["c", "c", "d", "b", "a"]
    shared = [Item("/x/tests/integration/a.py", "world"), Item("/x/tests/integration/b.py"), Item("/x/tests/integration/c.py", "world")]
    assert [item.path.stem for item in in_order(shared)] == ["a", "c", "b"]  # type: ignore[arg-type]


def test_a_port_is_not_chosen_again_at_once() -> None:
    assert len({free_port() for _ in range(50)}) == 50


def test_the_time_of_a_folder_is_that_of_its_tests_and_fixtures() -> None:
    class Report:
        def __init__(self, nodeid: str, duration: float) -> None:
            self.nodeid, self.duration = nodeid, duration

    reports = [
        Report("tests/helm/test_a.py::test_x@group", 30),
        Report("tests/helm/test_a.py::test_x@group", 60),
        Report("tests/test_docs.py::y", 9),
        object(),
    ]
    assert spent(reports) == {"helm": 1.5}
