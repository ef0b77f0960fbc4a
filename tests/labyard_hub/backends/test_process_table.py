"""What is read from files is what psutil says."""

from __future__ import annotations

import os
import subprocess

import psutil
import pytest

from labyard_hub.backends.local import process_table
from labyard_hub.backends.local.process_table import read_process, read_processes
from labyard_hub.backends.local.processes import ProcessRecord
from tests.platform import wait_until


@pytest.mark.parametrize("by_files", [True, False])
def test_a_process_is_seen_from_its_start_to_its_end(by_files: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "BY_FILES", by_files)
    with subprocess.Popen(["sleep", "3600"]) as process:
        try:
            found = read_process(process.pid)
            assert found is not None
            assert (found.pid, found.parent, found.ended) == (process.pid, os.getpid(), False)
            assert found.started_at == pytest.approx(psutil.Process(process.pid).create_time(), abs=0.02)
            assert process.pid in {one.pid for one in read_processes()}
            record = ProcessRecord.of("sleep", process.pid)
            assert record.is_running()
            assert not ProcessRecord("other", process.pid, record.started_at - 10).is_running()
        finally:
            process.kill()
        wait_until(lambda: not record.is_running(), "an end that nobody has taken notice of")
        ended = read_process(process.pid)
        assert ended is not None
        assert ended.ended
    assert read_process(process.pid) is None
    assert ProcessRecord.of("sleep", process.pid).started_at == 0


def test_memory_is_what_psutil_says() -> None:
    found = read_process(os.getpid())
    assert found is not None
    assert found.memory_bytes == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)
