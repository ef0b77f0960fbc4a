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
GROUPED = """
import pathlib
from tests import workers
from tests.workers import pytest_xdist_make_scheduler
workers.ROOT = pathlib.Path(__file__).parent
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
        [sys.executable, "-m", "pytest", "-n", str(workers), "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
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
        def __init__(self, file: str) -> None:
            self.nodeid = f"tests/{file}.py::test"

    shared = ("integration/test_two_users", "integration/test_project_server")
    files = ["labyard/a", shared[0], "browser/b", "browser/c", "browser/c", "integration/d", shared[1]]
    ordered = [item.nodeid[len("tests/") : -len(".py::test")] for item in in_order([Item(file) for file in files])]  # type: ignore[misc]
    assert ordered == ["browser/c", "browser/c", *shared, "browser/b", "integration/d", "labyard/a"]


def test_the_tests_of_a_group_run_in_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(GROUPED)
    tests = "import os, pytest\n{mark}@pytest.mark.parametrize('number', range(20))\ndef test(number):\n    print('ran', {name!r}, os.getpid())\n"
    for name in ("a", "b", "c", "d"):
        mark = 'pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(60)]\n' if name in "ad" else ""
        (tmp_path / f"test_{name}.py").write_text(tests.format(mark=mark, name=name))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-rP", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        env={**environment, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    ran = {line for line in done.stdout.splitlines() if line.startswith("ran ")}
    processes = {name: {line.split()[2] for line in ran if line.split()[1] == name} for name in "abcd"}
    assert [len(found) for found in processes.values()] == [1, 1, 1, 1]
    assert processes["a"] == processes["d"]


def test_a_port_is_not_chosen_again_at_once() -> None:
    assert len({free_port() for _ in range(50)}) == 50


def test_the_time_of_a_folder_is_that_of_its_tests_and_fixtures() -> None:
    class Report:
        def __init__(self, nodeid: str, duration: float) -> None:
            self.nodeid, self.duration = nodeid, duration

    reports = [
        Report("tests/helm/test_a.py::test_x", 30),
        Report("tests/helm/test_a.py::test_x", 60),
        Report("tests/test_docs.py::y[how-to/tools.md]", 9),
        object(),
    ]
    assert spent(reports) == {"helm": 1.5}
