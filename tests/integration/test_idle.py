"""What nobody uses is stopped, and what somebody or something uses is not."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
import websocket

from tests.integration.kernels import KernelConnection
from tests.platform import Browserless, RunningPlatform, named, open_temporary_folder, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"
IDLE_SECONDS = 30
TOOL = Path(__file__).parent / "chain_tool.py"
PEOPLE = ("ada", "bob", "dan", "eve", "gus", "ivy", "max", "zoe")
WORKERS = ("bob", "dan", "eve", "gus", "ivy")
COMPUTE = "while True: sum(range(10**6))"
PROFILES = [{"name": "usual"}, {"name": "gpu", "gpu": {"count": 1}}, {"name": "short", "maximum_session_seconds": 60}]
GPU_ID = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"
SHORT_TIMES = """
# People choose five minutes at least, and their choice is looked at every half minute: the administrator's limit would come first here.
from labyard_hub.domain import profiles
profiles.MIN_IDLE_SECONDS = 10
c.Spawner.poll_interval = 2
"""
NVIDIA_SMI = f"""#!/bin/sh
# Stands in for NVIDIA's, since there is no GPU here.
case "$1" in
  -L) echo "GPU 0: NVIDIA A100-SXM4-40GB (UUID: {GPU_ID})" ;;
  --query-gpu=uuid,utilization.gpu) echo "{GPU_ID}, $(cat "$(dirname "$0")/utilisation")" ;;
  *) exit 2 ;;
esac
"""


@dataclass
class People:
    running: RunningPlatform
    gpu_utilisation: Path
    sessions: dict[str, Browserless] = field(default_factory=dict)
    servers: dict[str, httpx.Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    short_session: Future[None] | None = None

    def start(self, name: str, **options: str) -> None:
        self.sessions[name].start_server(name, options=options)
        self.tokens[name] = self.sessions[name].token(name)
        self.servers[name] = self.running.client(f"user/{name}/", self.tokens[name])

    def runs(self, name: str) -> bool:
        # Not by the person's own session: what a person asks the hub is activity of theirs.
        return (self.running.state.run_private / "servers" / f"{name}.json").exists() and bool(
            self.sessions[name].hub_api("GET", f"users/{name}").json()["servers"]
        )


def start_with(patch: pytest.MonkeyPatch, folder: Path) -> AbstractContextManager[RunningPlatform]:
    patch.setenv("PATH", f"{os.environ['PATH']}:{folder / 'bin'}")
    return start_platform(folder / "state", "--config", str(folder / "config.yaml"))


def short_session(people: People) -> None:
    """Begin a session and see its longest time end it, though its kernel is busy."""
    people.start("max", profile="short")
    kernel = people.servers["max"].post("api/kernels", json={"name": "python3"}).json()["id"]
    with KernelConnection(f"{people.running.url}user/max/", kernel, people.tokens["max"]) as connection:
        connection.begin("while True: pass")
    home = people.sessions["max"].http
    assert "It will be stopped in" in home.get("hub/home").text
    # Meanwhile somebody else's server, which nobody uses, ends sooner than the administrator's limit says: they chose so.
    people.start("zoe", idle_seconds="12")
    wait_until(lambda: not people.runs("zoe"), "the server ends that is idle for as long as was chosen", 60)
    # The process is gone before the hub has written down why.
    told = "It was stopped after nobody had used it for 12 s, as was chosen at its start."
    wait_until(lambda: told in people.sessions["zoe"].http.get("hub/home").text, "the page says why", 30)
    assert people.runs("max")
    wait_until(lambda: not people.runs("max"), "the session ends", 120)
    told = "It was stopped 1 min after its start, which is the longest that its profile allows."
    wait_until(lambda: told in home.get("hub/home").text, "the page says why", 30)


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with open_temporary_folder() as folder:
        shutil.copy(TOOL, folder / "tool.py")
        (folder / "tools.d").mkdir()
        command = [sys.executable, str(folder / "tool.py"), "--socket", "{socket}", "--prefix", "{base_url}"]
        definition = {"name": "short", "title": "Short", "command": command, "ready_path": "/ready", "idle_timeout_seconds": 3}
        (folder / "tools.d" / "short.yaml").write_text(json.dumps(definition))
        settings = {"servers": {"idle_timeout_seconds": IDLE_SECONDS}, "tools": {"enabled": ["tensorboard"]}, "profiles": PROFILES}
        (folder / "config.yaml").write_text(json.dumps(settings))
        (folder / "jupyterhub_config.d").mkdir()
        (folder / "jupyterhub_config.d" / "short.py").write_text(SHORT_TIMES)
        (folder / "bin").mkdir()
        (folder / "bin" / "utilisation").write_text("80")
        (folder / "bin" / "nvidia-smi").write_text(NVIDIA_SMI)
        (folder / "bin" / "nvidia-smi").chmod(0o755)
        with pytest.MonkeyPatch.context() as patch, start_with(patch, folder) as running, ThreadPoolExecutor(1) as threads:
            people = People(running, gpu_utilisation=folder / "bin" / "utilisation")
            for name in PEOPLE:
                running.add_user(name, PASSWORD)
                people.sessions[name] = running.session(name, PASSWORD)
            people.short_session = threads.submit(short_session, people)
            yield people


def open_tool(server: httpx.Client, name: str, folder: str | None = None) -> tuple[str, str]:
    answer = server.post("labyard/api/v1/instances", json={"tool": name, "folder": folder})
    assert answer.status_code in (200, 201), f"{answer.status_code} {answer.url}: {answer.text}"
    opened = answer.json()
    wait_until(lambda: server.get(f"labyard/api/v1/instances/{opened['id']}").json()["state"] == "running", f"{name} runs", 60)
    return f"labyard/api/v1/instances/{opened['id']}", opened["url"]


def computing() -> dict[psutil.Process, str]:
    """Return the programs of servers that compute, each with whose it is."""
    found = [one for one in psutil.process_iter(["cmdline", "environ"]) if COMPUTE in (one.info["cmdline"] or ())]
    return {one: user for one in found if (user := (one.info["environ"] or {}).get("JUPYTERHUB_USER"))}


def test_idle_servers_are_stopped_and_busy_ones_are_not(people: People) -> None:
    """One person does nothing; one's idle kernel has a child that computes, one has detached a program from a terminal that is gone.

    One looks at TensorBoard, one has a tab that only receives messages, and one's GPU computes.
    """
    people.start("gus", profile="gpu")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(people.start, ("bob", "dan", "eve", "ivy")))
    bob, dan, eve = people.servers["bob"], people.servers["dan"], people.servers["eve"]

    kernel = bob.post("api/kernels", json={"name": "python3"}).json()["id"]
    with KernelConnection(f"{people.running.url}user/bob/", kernel, people.tokens["bob"]) as connection:
        connection.result(f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {COMPUTE!r}]); 1")

    terminal = dan.post("api/terminals").json()["name"]
    shell = websocket.create_connection(
        named(f"{people.running.url}user/dan/terminals/websocket/{terminal}").replace("http", "ws", 1),
        header=[f"Authorization: token {people.tokens['dan']}"], timeout=30,
    )  # fmt: skip
    shell.send(json.dumps(["stdin", f"setsid nohup python3 -c '{COMPUTE}' >/dev/null 2>&1 & exit\r"]))
    shell.close()
    wait_until(lambda: terminal not in {one["name"] for one in dan.get("api/terminals").json()}, "the terminal is gone")

    _, talking = open_tool(people.servers["ivy"], "short")
    dashboard = websocket.create_connection(
        named(f"{people.running.url.rstrip('/')}{talking}socket").replace("http", "ws", 1),
        header=[f"Authorization: token {people.tokens['ivy']}"], timeout=30,
    )  # fmt: skip
    dashboard.send("talk")

    eve.put("api/contents/runs", json={"type": "directory"}).raise_for_status()
    _, tensorboard = open_tool(eve, "tensorboard", "runs")
    leave = threading.Event()

    def look_at_tensorboard() -> None:
        # As its page does by itself while it is open, only more often.
        while not leave.wait(5):
            url = named(people.running.url.rstrip("/") + tensorboard + "data/runs")
            assert httpx.get(url, headers=eve.headers, timeout=30).status_code == 200

    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look_at_tensorboard)
        try:
            # The last to come: whoever else were taken for idle would be stopped before.
            people.start("ada")
            began = time.monotonic()
            wait_until(lambda: not people.runs("ada"), "the idle server is stopped", 90)
            assert time.monotonic() - began >= IDLE_SECONDS - 10
            assert {name for name in WORKERS if people.runs(name)} == set(WORKERS)
            assert dashboard.recv() == "tick"
            assert [(one["id"], one["execution_state"]) for one in bob.get("api/kernels").json()] == [(kernel, "idle")]
            assert set(computing().values()) == {"bob", "dan"}
        finally:
            leave.set()
        looking.result()
    # It was the work that kept them: when it ends, they are stopped.
    bob.delete(f"api/kernels/{kernel}").raise_for_status()
    for process in computing():
        process.kill()
    dashboard.close()
    people.gpu_utilisation.write_text("0")
    wait_until(lambda: not any(people.runs(name) for name in WORKERS), "all are stopped", 120)


def test_a_session_ends_after_its_longest_time_and_says_so(people: People) -> None:
    """It began with this module, beside the test above: all that it does is wait."""
    assert people.short_session is not None
    people.short_session.result(180)


def test_an_idle_tool_ends_and_opens_again(people: People) -> None:
    people.start("ada")
    server = people.servers["ada"]
    instance, url = open_tool(server, "short")
    url = named(people.running.url.rstrip("/") + url)
    # In use for longer than its time: one slow answer counts as long as it lasts.
    assert httpx.get(f"{url}slow?seconds=5", headers=server.headers, timeout=30).text == "at last"
    assert server.get(instance).json()["state"] == "running"
    wait_until(lambda: server.get(instance).json()["state"] == "stopped", "the unused instance ends", 15)
    ended = httpx.get(f"{url}ready", headers=server.headers)
    assert (ended.status_code, ended.json()["error"]["code"]) == (502, "instance_not_running")
    assert open_tool(server, "short")[0] == instance
