"""The data server of a person's TensorBoard, where each user has an account of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.platform import is_root, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"
CONNECT = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"


@pytest.mark.skipif(not is_root(), reason="needs accounts of their own")
def test_another_account_does_not_reach_the_data_server(open_folder: Path) -> None:
    (open_folder / "config.yaml").write_text("tools: {enabled: [tensorboard]}\n")
    with start_platform(open_folder / "state", "--config", str(open_folder / "config.yaml")) as running:
        running.add_user("ada", PASSWORD)
        session = running.session("ada", PASSWORD)
        session.start_server("ada")
        server = running.client("user/ada/labyard/api/v1/", session.token("ada"))
        instance = server.post("instances", json={"tool": "tensorboard", "folder": ""}).json()["id"]
        wait_until(lambda: server.get(f"instances/{instance}").json()["state"] == "running", "TensorBoard", 60)
        home = str(running.state.homes / "ada")
        (process,) = [
            one for one in psutil.process_iter(["cmdline"]) if {f"--logdir={home}", "--die-after-stdin"} <= set(one.info["cmdline"] or ())
        ]
        assert process.uids().real != 0
        assert Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
        rows = [line.split() for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]]
        (port,) = [int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"]
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        connect = [sys.executable, "-c", CONNECT, str(port)]
        done = subprocess.run([*as_nobody, *connect], capture_output=True, text=True, check=False, timeout=30)
        assert "Connection refused" in done.stderr
        # Nor by going where it is: that takes the same account, or root, for whom it works.
        enter = ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
        done = subprocess.run([*as_nobody, *enter, *connect], capture_output=True, text=True, check=False, timeout=30)
        assert "ermission" in done.stderr or "not permitted" in done.stderr
        assert subprocess.run([*enter, *connect], check=False, timeout=30).returncode == 0
