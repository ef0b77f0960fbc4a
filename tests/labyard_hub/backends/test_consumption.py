"""What processes use, of real ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from labyard_hub.backends.local.consumption import Consumption, measure, process_tree
from tests.platform import wait_until

BUSY = "import sys; kept = bytearray(b'x' * 50_000_000); print(flush=True)\nwhile True: pass"


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A shell that waits for a child that computes and holds 50 MB."""
    process = subprocess.Popen(["sh", "-c", f'"{sys.executable}" -c "{BUSY}"; true'], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    for pid in process_tree(process.pid):
        subprocess.run(["kill", "-9", str(pid)], check=False)
    process.wait()
    process.stdout.close()


def test_a_child_that_computes_counts_with_its_memory(parent: subprocess.Popen[bytes]) -> None:
    processes = process_tree(parent.pid)
    assert len(processes) == 2
    found = wait_until(lambda: one if (one := measure({"ada": processes})["ada"]).cpu_cores > 0.05 else None, "the processor is used")
    assert found.memory_bytes > 50_000_000


def test_what_has_ended_uses_nothing(parent: subprocess.Popen[bytes]) -> None:
    processes = process_tree(parent.pid)
    for pid in processes:
        subprocess.run(["kill", "-9", str(pid)], check=True)
    parent.wait()
    assert process_tree(parent.pid) == set()
    wait_until(lambda: measure({"ada": processes, "bob": []}) == {"ada": Consumption(), "bob": Consumption()}, "nothing is used")
