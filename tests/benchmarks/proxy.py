"""The way into a tool's tab: Labyard's proxy and jupyter-server-proxy, each in a single-user server of the same person, to the same tools, in turn.

The first tool is an HAProxy that says "ok", so that it is not what is measured. The second echoes websocket messages. The servers are asked at their own ports, so the outer
proxy is not measured either. Then TensorBoard and MLflow as people have them, and a kernel's round trip while a gigabyte passes.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import httpx
import psutil
import websocket
import yaml

from labyard_hub.backends.haproxy.program import find_haproxy
from tests.benchmarks.http_load import latencies_ms, requests_per_second
from tests.benchmarks.report import compare
from tests.integration.kernels import KernelConnection
from tests.labyard_lab.conftest import ECHO_TOOL
from tests.platform import RunningPlatform, named, open_temporary_folder, start_platform, wait_until
from tests.workers import free_port

ROUNDS = 11
CONNECTIONS = 16
SECONDS = 1.0
SINGLE = 100
CPU_REQUESTS = 500
MESSAGES = 2000
AT_ONCE = 50
GIGABYTE = 2**30
PASSWORD = "correct horse battery"
LABYARD, OTHER = "Labyard", "jupyter-server-proxy"

TOOL = """
import os, pathlib, sys
haproxy, socket, port = sys.argv[1:]
file = pathlib.Path(socket + ".cfg")
answer = "http-request return status 200 content-type text/plain string ok"
file.write_text(f"defaults\\n mode http\\n timeout client 1h\\nfrontend ok\\n bind {socket}\\n bind 127.0.0.1:{port}\\n {answer}\\n")
os.execv(haproxy, [haproxy, "-db", "-f", str(file)])
"""


@dataclass
class Person:
    """A person whose server runs.

    Attributes
    ----------
    own
        URL of the server at its own port.
    other, other_process
        URL and process of a second single-user server of the same person, with jupyter-server-proxy and without Labyard.
    """

    running: RunningPlatform
    token: str
    own: str = ""
    other: str = ""
    other_process: psutil.Process | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    @property
    def server(self) -> httpx.Client:
        return self.running.client("user/ada/", self.token)

    @property
    def process(self) -> psutil.Process:
        record = (self.running.state.run_private / "servers" / "ada.json").read_text()
        return psutil.Process(yaml.safe_load(record)["pid"])

    def open(self, tool: str, folder: str | None = None) -> str:
        """Open a tool, and return its path below the server once it runs."""
        answer = self.server.post("labyard/api/v1/instances", json={"tool": tool, "folder": folder})
        assert answer.status_code in (200, 201), answer.text
        name = answer.json()["id"]
        wait_until(lambda: self.server.get(f"labyard/api/v1/instances/{name}").json()["state"] == "running", f"{tool} runs", 120)
        return str(answer.json()["url"]).removeprefix("/user/ada/")


def main() -> None:
    """Measure and print."""
    with open_temporary_folder() as root, _someone(root) as (person, ports):
        sides = {"direct": f"http://127.0.0.1:{ports['ok']}/", LABYARD: person.own + person.open("ok"), OTHER: f"{person.other}ok/"}
        _measure("into a tool", sides, person.headers)
        _cpu_time(person, sides)
        _websockets(person, {LABYARD: person.own + person.open("echo"), OTHER: f"{person.other}echo/"})
        _gigabyte(person, person.own + person.open("echo"))
        _tensorboard(person)
        _mlflow(person)


@contextlib.contextmanager
def _someone(root: Path) -> Iterator[tuple[Person, dict[str, int]]]:
    """Start a platform with the tools, and the other server; return also the ports where tools are asked directly."""
    (root / "tools.d").mkdir()
    (root / "tool.py").write_text(TOOL)
    ports = {"ok": free_port(), "echo": free_port()}
    commands = {
        "ok": [sys.executable, str(root / "tool.py"), str(find_haproxy()), "{socket}", str(ports["ok"])],
        "echo": [sys.executable, str(ECHO_TOOL), "--socket", "{socket}"],
    }
    for name, command in commands.items():
        ready = "/ready" if name == "echo" else "/"
        (root / "tools.d" / f"{name}.yaml").write_text(
            yaml.safe_dump({"name": name, "title": name, "command": command, "ready_path": ready})
        )
    # A forked server shows no environment, and the other one needs it.
    (root / "config.yaml").write_text("tools: {enabled: [tensorboard, mlflow]}\nservers: {warm_start: false}\n")
    with start_platform(root / "state", "--config", str(root / "config.yaml")) as running:
        running.add_user("ada", PASSWORD)
        session = running.session("ada", PASSWORD)
        session.start_server("ada")
        person = Person(running, session.token("ada"))
        ports_of = (one.laddr.port for one in person.process.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
        person.own = next(url for url in (f"http://127.0.0.1:{port}/user/ada/" for port in ports_of) if _answers(url))
        echo = subprocess.Popen([sys.executable, ECHO_TOOL, "--port", str(ports["echo"])], stdout=subprocess.DEVNULL)
        _join(echo.pid, person.process)
        try:
            with _other_server(root, person, ports) as person.other:
                yield person, ports
        finally:
            echo.kill()
            echo.wait()


@contextlib.contextmanager
def _other_server(root: Path, person: Person, ports: dict[str, int]) -> Iterator[str]:
    """Run JupyterHub's own single-user server with jupyter-server-proxy, which knows the person by the same hub."""
    own = {name: value for name, value in person.process.environ().items() if not name.startswith(("LABYARD", "MLFLOW"))}
    port, folder = free_port(), root / "other"
    folder.mkdir()
    (folder / "config.py").write_text(
        "c.ServerApp.jpserver_extensions = {'jupyter_server_proxy': True, 'labyard_lab': False}\nc.ServerApp.allow_root = True\n"
        f"c.ServerApp.root_dir = {str(folder)!r}\nc.ServerProxy.servers = {{'ok': {{'port': {ports['ok']}}}, 'echo': {{'port': {ports['echo']}}}}}\n"
    )
    url = f"http://127.0.0.1:{port}/user/ada/"
    environment = {
        **own, "HOME": str(folder), "JUPYTERHUB_SERVICE_URL": url, "JUPYTER_NO_CONFIG": "1", "PATH": os.environ["PATH"],
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyterhub.singleuser", "--config", str(folder / "config.py")]
    with (root / "other.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    _join(process.pid, person.process)
    person.other_process = psutil.Process(process.pid)
    try:
        wait_until(lambda: _answers(url) or process.poll() is not None, "the other server", 120)
        assert process.poll() is None, (root / "other.log").read_text()
        yield url
    finally:
        process.kill()
        process.wait()


def _join(pid: int, other: psutil.Process) -> None:
    """Put a process into another one's control group: what is compared must have the same share of a busy machine."""
    for line in Path(f"/proc/{other.pid}/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        for root in (f"/sys/fs/cgroup/{controllers}", "/sys/fs/cgroup"):
            with contextlib.suppress(OSError):
                Path(f"{root}{group}/cgroup.procs").write_text(str(pid))
                break


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return "version" in httpx.get(f"{url}api", timeout=2).text
    return False


def _measure(what: str, sides: dict[str, str], headers: dict[str, str]) -> None:
    rates: dict[str, list[float]] = {side: [] for side in sides}
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, url in sides.items():
            times[side].append(median(latencies_ms(url, headers, count=SINGLE)))
            rates[side].append(requests_per_second(url, headers, connections=CONNECTIONS, seconds=SECONDS))
    base = OTHER if OTHER in sides else "direct"
    compare(f"Requests {what}, {CONNECTIONS} connections", "1/s", rates, base=base)
    compare(f"Time of one request {what}, one connection", "ms", times, base=base)


def _cpu_time(person: Person, sides: dict[str, str]) -> None:
    """What one request takes of the server's processor, which does not depend on what else the machine does."""
    assert person.other_process is not None
    processes = {LABYARD: person.process, OTHER: person.other_process}
    taken: dict[str, list[float]] = {side: [] for side in processes}
    for _ in range(ROUNDS):
        for side, process in processes.items():
            before = process.cpu_times()
            latencies_ms(sides[side], person.headers, count=CPU_REQUESTS)
            after = process.cpu_times()
            taken[side].append((after.user + after.system - before.user - before.system) / CPU_REQUESTS * 1000)
    compare("Processor time of one request in the server", "ms", taken, base=OTHER)


def _websockets(person: Person, sides: dict[str, str]) -> None:
    """Small messages to a tool and back, several on the way at once, so that the proxy is what is measured and not how soon the system wakes it up."""
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, url in sides.items():
            rates[side].append(_messages_per_second(url.replace("http", "ws", 1) + "socket", person.token))
    compare("Websocket messages to a tool and back", "1/s", rates, base=OTHER)


def _messages_per_second(url: str, token: str) -> float:
    connection = websocket.create_connection(url, header=[f"Authorization: token {token}"], http_no_proxy=["*"])
    try:
        connection.recv()
        began = time.perf_counter()
        for _ in range(MESSAGES // AT_ONCE):
            for _ in range(AT_ONCE):
                connection.send("x" * 100)
            for _ in range(AT_ONCE):
                connection.recv()
        return MESSAGES / (time.perf_counter() - began)
    finally:
        connection.close()


def _gigabyte(person: Person, url: str) -> None:
    """A gigabyte down and up: what it adds to the server's memory, and a kernel's round trip meanwhile."""
    kernel = person.server.post("api/kernels", json={"name": "python3"}).json()["id"]
    block = bytes(2**20)

    def download() -> None:
        with httpx.stream("GET", f"{url}download?size={GIGABYTE}&length=1", headers=person.headers, timeout=None) as answer:
            assert sum(len(chunk) for chunk in answer.iter_raw()) == GIGABYTE

    def upload() -> None:
        body = (block for _ in range(GIGABYTE // len(block)))
        sent = httpx.post(f"{url}upload", content=body, headers=person.headers, timeout=None)
        assert sent.json()["size"] == GIGABYTE

    times: dict[str, list[float]] = {}
    with KernelConnection(person.own, kernel, person.token) as connection:
        connection.info()
        for name, work in {"nothing else": lambda: time.sleep(SECONDS), "a download": download, "an upload": upload}.items():
            before = person.process.memory_info().rss
            times[name], most = _round_trips_ms(connection, person.process, work)
            print(f"{name}: {(most - before) / 2**20:.0f} MiB more in the server, p95 {quantiles(times[name], n=20)[-1]:.1f} ms")
    compare("A kernel's round trip beside", "ms", times, base="nothing else")


def _round_trips_ms(connection: KernelConnection, process: psutil.Process, work: Callable[[], None]) -> tuple[list[float], int]:
    worker = threading.Thread(target=work)
    worker.start()
    taken, most = [], 0
    while worker.is_alive() or not taken:
        began = time.perf_counter()
        connection.info()
        taken.append((time.perf_counter() - began) * 1000)
        most = max(most, process.memory_info().rss)
    return taken, most


def _tensorboard(person: Person) -> None:
    """Measure a route that TensorBoard's page asks all the time."""
    person.server.put("api/contents/runs", json={"type": "directory"}).raise_for_status()
    path = f"{person.open('tensorboard', 'runs')}data/runs"
    httpx.get(person.own + path, headers=person.headers).raise_for_status()
    _measure("to TensorBoard", {"direct": person.own + path, "outer proxy": named(f"{person.running.url}user/ada/{path}")}, person.headers)


def _mlflow(person: Person) -> None:
    sides = {"direct": person.running.platform.mlflow_url, "outer proxy": f"{person.running.url}services/mlflow/"}
    _measure("to MLflow's page", sides, person.headers)
