"""Control groups; the files are real where the machine lets us write them, else a folder that looks like them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labyard_hub.backends.local.limits import ControlGroup, Limits, describe_support
from tests.platform import skip_without

LIMITS = Limits(memory_bytes=256 * 2**20, cpu_cores=0.5, processes=100)


def test_version_2_files(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    folder = tmp_path / "labyard" / "one"
    group = ControlGroup("one", tmp_path)
    assert group.create(LIMITS) == []
    assert (folder / "memory.max").read_text() == str(256 * 2**20)
    assert (folder / "cpu.max").read_text() == "50000 100000"
    assert (folder / "pids.max").read_text() == "100"
    assert group.join_files() == [str(folder / "cgroup.procs")]


def test_version_1_files(tmp_path: Path) -> None:
    for controller in ("memory", "cpu", "pids"):
        (tmp_path / controller).mkdir()
    group = ControlGroup("one", tmp_path)
    assert group.create(LIMITS) == []
    assert (tmp_path / "memory" / "labyard" / "one" / "memory.limit_in_bytes").read_text() == str(256 * 2**20)
    assert (tmp_path / "cpu" / "labyard" / "one" / "cpu.cfs_quota_us").read_text() == "50000"
    assert len(group.join_files()) == 3


@pytest.mark.parametrize(
    ("controllers", "file", "text", "ran_out"),
    [
        (True, "labyard/one/memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n", True),
        (True, "labyard/one/memory.events", "low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\n", False),
        (False, "memory/labyard/one/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", True),
        (False, "memory/labyard/one/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", False),
    ],
)
def test_that_memory_ran_out_is_read(tmp_path: Path, controllers: bool, file: str, text: str, ran_out: bool) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    if controllers:
        (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    assert not ControlGroup("one", tmp_path).ran_out_of_memory()
    (tmp_path / file).write_text(text)
    assert ControlGroup("one", tmp_path).ran_out_of_memory() is ran_out


def test_what_cannot_be_set_is_named(tmp_path: Path) -> None:
    assert set(ControlGroup("one", tmp_path / "none").create(LIMITS)) == {"memory", "cpu", "pids"}
    assert ControlGroup("one", tmp_path / "none").create(Limits(None, None, 100)) == ["pids"]


def test_a_real_group_holds_a_process_to_its_memory() -> None:
    group = ControlGroup(f"test-{os.getpid()}")
    missing = group.create(Limits(memory_bytes=128 * 2**20, cpu_cores=None, processes=100))
    try:
        if "memory" in missing:
            skip_without("limit memory")

        def join() -> None:
            for file in group.join_files():
                Path(file).write_text("0")

        small = subprocess.run(
            [sys.executable, "-c", "print(len(bytearray(2**20)))"], preexec_fn=join, capture_output=True, text=True, check=True
        )
        assert small.stdout.strip() == str(2**20)
        large = subprocess.run([sys.executable, "-c", "bytearray(b'x') * (1 << 30)"], preexec_fn=join, check=False)
        assert large.returncode != 0
        # Where the memory of a machine is not the kernel's to count, such as in gVisor, the program just gets none.
        assert group.ran_out_of_memory() == (large.returncode == -9)
    finally:
        group.remove()
    assert not any(Path(file).parent.exists() for file in group.join_files())


def test_removing_ends_what_is_left() -> None:
    group = ControlGroup(f"test-end-{os.getpid()}")
    group.create(Limits(None, None, 100))
    if not group.join_files():
        skip_without("make a control group")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    for file in group.join_files():
        Path(file).write_text(str(child.pid))
    assert child.pid in group.pids()
    group.remove()
    assert child.wait(10) == -9


def test_support_is_told_in_words() -> None:
    assert describe_support()
