"""TensorBoard from its own environment, through a real Jupyter server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from labyard.builtin_tools import builtin_tool
from tests.labyard_lab.conftest import TOKEN, LabServer, wait_until

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


def scalars(server: LabServer, instance: dict[str, Any], run: str) -> list[list[float]]:
    url = server.tool_url(instance, "data/plugin/scalars/scalars")
    response = httpx.get(url, params={"run": run, "tag": "loss"}, headers=AUTHORIZATION)
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
    assert instance["title"] == "TensorBoard · runs"
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
