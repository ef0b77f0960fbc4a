"""The way into a tool's tab: asked directly, at the server, and through the outer proxy.

The tool is an HAProxy that says "ok", so that it is not what is measured. Then TensorBoard and MLflow as people have them, and how a websocket of a kernel fares.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import psutil
import websocket
import yaml

from labyard_hub.backends.haproxy.program import find_haproxy
from tests.benchmarks.http_load import latencies_ms, requests_per_second
from tests.benchmarks.report import compare
from tests.platform import RunningPlatform, open_temporary_folder, start_platform, wait_until
from tests.workers import free_port

ROUNDS = 5
CONNECTIONS = 16
SECONDS = 2.0
SINGLE = 300
PASSWORD = "correct horse battery"

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
    """Somebody whose server runs, and a cookie as their browser's."""

    running: RunningPlatform
    token: str
    headers: dict[str, str]

    @property
    def server(self) -> httpx.Client:
        return self.running.client("user/ada/", self.token)

    def open(self, tool: str, folder: str | None = None) -> str:
        """Open a tool, and return its URL once it runs."""
        answer = self.server.post("labyard/api/v1/instances", json={"tool": tool, "folder": folder})
        assert answer.status_code == 201, answer.text
        name = answer.json()["id"]
        wait_until(lambda: self.server.get(f"labyard/api/v1/instances/{name}").json()["state"] == "running", f"{tool} runs", 120)
        return self.running.url.rstrip("/") + str(answer.json()["url"])


def main() -> None:
    """Measure and print."""
    with open_temporary_folder() as root, _someone(root) as (person, port):
        sides = {"direct": f"http://127.0.0.1:{port}/", "outer proxy": person.open("ok")}
        sides["server"] = str(httpx.URL(sides["outer proxy"]).copy_with(port=_own_port(person)))
        _measure("into a tool", person, sides, base="server")
        _tensorboard(person)
        _mlflow(person)
        _websockets(person)


@contextlib.contextmanager
def _someone(root: Path) -> Iterator[tuple[Person, int]]:
    """Start a platform with the tool, and return also the port where the tool is asked directly."""
    (root / "tools.d").mkdir()
    (root / "tool.py").write_text(TOOL)
    port = free_port()
    command = [sys.executable, str(root / "tool.py"), str(find_haproxy()), "{socket}", str(port)]
    (root / "tools.d" / "ok.yaml").write_text(yaml.safe_dump({"name": "ok", "title": "ok", "command": command}))
    (root / "config.yaml").write_text("tools: {enabled: [tensorboard, mlflow]}\n")
    with start_platform(root / "state", "--config", str(root / "config.yaml")) as running:
        running.add_user("ada", PASSWORD)
        session = running.session("ada", PASSWORD)
        session.start_server("ada")
        token = session.token("ada")
        session.http.get("user/ada/lab").raise_for_status()
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.http.cookies.jar if "/user/ada/".startswith(cookie.path))
        yield Person(running, token, {"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}), port


def _measure(what: str, person: Person, sides: dict[str, str], *, base: str) -> None:
    rates: dict[str, list[float]] = {side: [] for side in sides}
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, url in sides.items():
            times[side].append(median(latencies_ms(url, person.headers, count=SINGLE)))
            rates[side].append(requests_per_second(url, person.headers, connections=CONNECTIONS, seconds=SECONDS))
    compare(f"Requests {what}, {CONNECTIONS} connections", "1/s", rates, base=base)
    compare(f"Time of one request {what}, one connection", "ms", times, base=base)
    if "direct" in sides:
        added = {side: [one - two for one, two in zip(times[side], times["direct"], strict=True)] for side in sides if side != "direct"}
        compare(f"Time added to one request {what}", "ms", added, base=base)


def _tensorboard(person: Person) -> None:
    """Measure a route that TensorBoard's page asks all the time."""
    person.server.put("api/contents/runs", json={"type": "directory"}).raise_for_status()
    url = person.open("tensorboard", "runs") + "data/runs"
    httpx.get(url, headers=person.headers).raise_for_status()
    _measure("to TensorBoard", person, {"server": str(httpx.URL(url).copy_with(port=_own_port(person))), "outer proxy": url}, base="server")


def _mlflow(person: Person) -> None:
    headers = {"Authorization": f"token {person.token}"}
    url = f"{person.running.url}services/mlflow/"
    someone = Person(person.running, person.token, headers)
    _measure("to MLflow's page", someone, {"outer proxy": url, "direct": person.running.platform.mlflow_url}, base="outer proxy")


def _websockets(person: Person) -> None:
    """Pings on a kernel's websocket, which the server answers itself: the kernel is not what is measured."""
    kernel = person.server.post("api/kernels", json={"name": "python3"}).json()["id"]
    path = f"user/ada/api/kernels/{kernel}/channels"
    sides = {"direct": f"ws://127.0.0.1:{_own_port(person)}/{path}", "outer proxy": person.running.url.replace("http", "ws", 1) + path}
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, url in sides.items():
            taken[side].append(_ping_ms(url, person.token))
    compare("Ping on a kernel's websocket", "ms", taken, base="direct")


def _own_port(person: Person) -> int:
    """Return the port of the person's server."""
    record = (person.running.state.run_private / "servers" / "ada.json").read_text()
    process = psutil.Process(yaml.safe_load(record)["pid"])
    ports = (one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
    return next(port for port in ports if _is_jupyter(port))


def _is_jupyter(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return "version" in httpx.get(f"http://127.0.0.1:{port}/user/ada/api", timeout=2).text
    return False


def _ping_ms(url: str, token: str) -> float:
    connection = websocket.create_connection(url, header=[f"Authorization: token {token}"], http_no_proxy=["*"])
    taken: list[float] = []
    try:
        for _ in range(500):
            began = time.perf_counter()
            connection.ping()
            while connection.recv_data(control_frame=True)[0] != websocket.ABNF.OPCODE_PONG:
                pass
            taken.append((time.perf_counter() - began) * 1000)
    finally:
        connection.close()
    return median(taken)
