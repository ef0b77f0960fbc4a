from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from labyard_hub.backends.local.limits import Become, drop_privileges
from labyard_hub.backends.local.processes import ProcessRecord, end_processes
from tests.platform import is_root, wait_until

STUBBORN = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
FAMILY = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True);"
    "print(child.pid, flush=True); time.sleep(600)"
)


@pytest.fixture
def start() -> Iterator[object]:
    children: list[subprocess.Popen[str]] = []

    def _start(code: str) -> subprocess.Popen[str]:
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
        children.append(child)
        return child

    yield _start
    for child in children:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def test_found_again_from_disk(tmp_path: Path, start) -> None:  # type: ignore[no-untyped-def]
    child = start("import time; time.sleep(600)")
    ProcessRecord.of("hub", child.pid, "digest").write(tmp_path / "hub.json")
    record = ProcessRecord.read(tmp_path / "hub.json")
    assert record is not None
    assert record.process() is not None
    assert record.digest == "digest"


def test_another_process_with_the_same_id_is_not_taken_for_ours(start) -> None:  # type: ignore[no-untyped-def]
    child = start("import time; time.sleep(600)")
    record = ProcessRecord.of("hub", child.pid)
    assert replace(record, started_at=record.started_at - 60).process() is None
    end_processes([replace(record, started_at=record.started_at - 60)], patience_seconds=0)
    assert child.poll() is None


def test_a_zombie_does_not_run(start) -> None:  # type: ignore[no-untyped-def]
    child = start("import time; time.sleep(600)")
    record = ProcessRecord.of("hub", child.pid)
    psutil.Process(child.pid).kill()
    wait_until(lambda: record.process() is None, "the killed process counts as gone")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"name": "x"}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.json").write_text(text)
    assert ProcessRecord.read(tmp_path / "hub.json") is None


def test_children_in_sessions_of_their_own_end_too(start) -> None:  # type: ignore[no-untyped-def]
    parent = start(FAMILY)
    child = psutil.Process(int(parent.stdout.readline()))
    end_processes([ProcessRecord.of("server", parent.pid)], patience_seconds=5)
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child ends")
    assert parent.wait(5) is not None


def test_spared_children_stay(start) -> None:  # type: ignore[no-untyped-def]
    parent = start(FAMILY)
    child = psutil.Process(int(parent.stdout.readline()))
    end_processes([ProcessRecord.of("hub", parent.pid)], patience_seconds=5, spare=[ProcessRecord.of("ada", child.pid)])
    assert parent.wait(5) is not None
    assert child.is_running()
    child.kill()


def test_one_that_ignores_sigterm_is_killed(start) -> None:  # type: ignore[no-untyped-def]
    child = start(STUBBORN)
    child.stdout.readline()
    end_processes([ProcessRecord.of("hub", child.pid)], patience_seconds=0.2)
    assert child.wait(5) is not None


@pytest.mark.skipif(not is_root(), reason="changes the account of a process")
def test_privileges_are_gone_for_good(tmp_path: Path) -> None:
    code = (
        "import os, resource\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines() if ':' in line)\n"
        "print(os.getuid(), os.geteuid(), os.getgid(), status['NoNewPrivs'].strip(), status['CapEff'].strip(), resource.getrlimit(resource.RLIMIT_NPROC)[0],"
        " resource.getrlimit(resource.RLIMIT_CORE)[1], os.getgroups())\n"
        "try:\n    os.setuid(0)\nexcept PermissionError:\n    print('refused')\n"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-c", code],
        capture_output=True, text=True, check=True,
        preexec_fn=lambda: drop_privileges(Become(65534, 65534, "nobody", "/", [], 512, isolated=True)),
    )  # fmt: skip
    facts, refused = done.stdout.splitlines()
    assert facts == "65534 65534 65534 1 0000000000000000 512 0 [65534]"
    assert refused == "refused"
