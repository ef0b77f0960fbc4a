"""TensorBoard from its own environment, through a real Jupyter server."""

from __future__ import annotations

import os
import re
import socket as sockets
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from labyard.builtin_tools import builtin_tool
from labyard_lab.running_tools.manager import PROGRAMS
from tests.labyard_lab.conftest import TOKEN, LabServer
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

AUTHORIZATION = {"Authorization": f"token {TOKEN}"}

# A training that writes its first steps, waits for a word, and writes the rest. (The writer's own default is to flush every two minutes.)
TRAINING = """
import sys
from tensorboardX import SummaryWriter
writer = SummaryWriter(sys.argv[1], flush_secs=1)
for step in range(5):
    writer.add_scalar("loss", 1 / (step + 1), step)

print("written", flush=True)
sys.stdin.readline()
for step in range(5, 12):
    writer.add_scalar("loss", 1 / (step + 1), step)
writer.close()
"""


# Two programs of one training write into one folder, and go on in turn.
TWO_FILES = """
import sys
from tensorboardX import SummaryWriter
first, second = (SummaryWriter(sys.argv[1], flush_secs=1, filename_suffix=name) for name in (".a", ".b"))
for step in range(6):
    first.add_scalar("loss", step, step)
    second.add_scalar("accuracy", step, step)
    first.flush(), second.flush()
    print("written", flush=True)
    sys.stdin.readline()
"""


def scalars(server: LabServer, instance: dict[str, Any], run: str, tag: str = "loss") -> list[list[float]]:
    url = server.tool_url(instance, "data/plugin/scalars/scalars")
    response = httpx.get(url, params={"run": run, "tag": tag}, headers=AUTHORIZATION)
    return list(response.json()) if response.status_code == 200 else []


def test_scalars_of_a_running_training(make_server: Callable[..., LabServer], environments: Path) -> None:
    server = make_server([builtin_tool("tensorboard", python=environments / "tensorboard" / "bin" / "python")])
    runs, other = server.root / "vision" / "runs", server.root / "other"
    other.mkdir()
    training = subprocess.Popen(
        [environments / "workbench" / "bin" / "python", "-c", TRAINING, str(runs / "first")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with training:
        follow_training(server, training)


def follow_training(server: LabServer, training: subprocess.Popen[str]) -> None:
    assert training.stdout is not None
    assert training.stdout.readline() == "written\n"
    instance = server.open("tensorboard", "vision/runs")
    assert instance["title"] == "TensorBoard · vision/runs"
    page = httpx.get(server.tool_url(instance), headers=AUTHORIZATION)
    assert (page.status_code, "TensorBoard" in page.text) == (200, True)
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    (font, *_) = re.findall(r"url\((/[^)]*font-roboto[^)]*)\)", page.text)
    assert httpx.get(f"http://127.0.0.1:{server.port}{font}", headers=AUTHORIZATION).content[:4] == b"wOF2"
    wait_until(lambda: len(scalars(server, instance, "first")) == 5, "the first steps", 20)
    assert [(step, value) for _, step, value in scalars(server, instance, "first")] == [
        (step, pytest.approx(1 / (step + 1))) for step in range(5)
    ]

    # A second folder at the same time is another instance, with its own data.
    second = server.open("tensorboard", "other")
    assert second["id"] != instance["id"]
    assert httpx.get(server.tool_url(second, "data/runs"), headers=AUTHORIZATION).json() == []

    training.communicate("go on\n", timeout=60)
    wait_until(lambda: len(scalars(server, instance, "first")) == 12, "the new steps", 20)

    # Nobody else on the machine can reach the data: no port is open.
    tree = psutil.Process(server.process.pid).children(recursive=True)
    assert any("tensorboard_socket.py" in " ".join(process.cmdline()) for process in tree)
    assert [one for process in tree for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN] == []
    for socket in server.temporary.glob("labyard-*/*.sock"):
        assert socket.parent.stat().st_mode & 0o777 == 0o700
    assert not list(server.temporary.glob(".tensorboard-info/*"))


def data_server_of(server: LabServer) -> psutil.Process | None:
    for process in psutil.Process(server.process.pid).children(recursive=True):
        if "--die-after-stdin" in process.cmdline():
            return process
    return None


def listening_ports(process: psutil.Process) -> list[int]:
    """Return the TCP ports that somebody listens on in the process's own network."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == "0A":
                found.append(int(local.rpartition(":")[2], 16))
    return found


@pytest.fixture
def tensorboard(make_server: Callable[..., LabServer], environments: Path) -> LabServer:
    return make_server([builtin_tool("tensorboard", python=environments / "tensorboard" / "bin" / "python")])


def test_nobody_else_reaches_the_data_server(tensorboard: LabServer) -> None:
    (tensorboard.root / "runs").mkdir()
    instance = tensorboard.open("tensorboard", "runs")
    process = data_server_of(tensorboard)
    assert process is not None, tensorboard.client.get(f"instances/{instance['id']}").json()
    (port,) = listening_ports(process)
    assert Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    for family, host in ((sockets.AF_INET, "127.0.0.1"), (sockets.AF_INET6, "::1")):
        with sockets.socket(family) as connection, pytest.raises(OSError, match=r"refused|unreachable|assign"):
            connection.connect((host, port))
    # It ends with its TensorBoard.
    tensorboard.client.delete(f"instances/{instance['id']}")
    wait_until(lambda: not process.is_running(), "the end of the data server", 20)


def test_without_its_data_server_a_tensorboard_ends(tensorboard: LabServer) -> None:
    (tensorboard.root / "runs").mkdir()
    instance = tensorboard.open("tensorboard", "runs")
    process = data_server_of(tensorboard)
    assert process is not None
    process.kill()
    model = tensorboard.wait_for(instance["id"], "failed")
    assert any("data server ended" in line for line in model["log_tail"])


def has_steps(server: LabServer, instance: dict[str, Any], count: int) -> bool:
    return all(len(scalars(server, instance, "one", tag)) == count for tag in ("loss", "accuracy"))


def test_two_files_that_both_grow(tensorboard: LabServer, environments: Path) -> None:
    folder = tensorboard.root / "runs" / "one"
    training = subprocess.Popen(
        [environments / "workbench" / "bin" / "python", "-c", TWO_FILES, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with training:
        assert training.stdout is not None
        assert training.stdin is not None
        training.stdout.readline()
        instance = tensorboard.open("tensorboard", "runs")
        for count in (1, 2, 3):
            wait_until(partial(has_steps, tensorboard, instance, count), f"{count} steps of both", 30)
            training.stdin.write("go on\n")
            training.stdin.flush()
            training.stdout.readline()
        training.stdin.close()
        training.kill()


def test_without_a_network_of_its_own_it_reads_in_python(tmp_path: Path, environments: Path) -> None:
    """A kernel that forbids namespaces, as in many containers."""
    forbid = "import sys, tensorboard_data\n" + (
        "def refuse():\n    raise tensorboard_data.NoDataServerError('no network namespace of its own: Operation not permitted')\n"
        "tensorboard_data.enter_private_network = refuse\n"
        "import tensorboard_socket\nsys.exit(tensorboard_socket.main())"
    )
    python = environments / "tensorboard" / "bin" / "python"
    process = subprocess.Popen(
        [python, "-c", forbid, "--socket", str(tmp_path / "s"), "--logdir", str(tmp_path), "--path_prefix", "/tb/"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROGRAMS)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_until((tmp_path / "s").exists, "TensorBoard", 60)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(tmp_path / "s"))) as client:
            assert client.get("http://tool/tb/data/runs").json() == []
        assert [one for one in psutil.Process(process.pid).children(recursive=True) if "--die-after-stdin" in one.cmdline()] == []
        assert [one for one in psutil.Process(process.pid).net_connections("inet") if one.status == psutil.CONN_LISTEN] == []
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert "without its data server" in said
