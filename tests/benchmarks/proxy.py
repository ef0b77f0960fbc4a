"""The way into a tool's tab: asked directly, through the server as before, and through its front.

The tool is an nginx that says "ok", so that it is not what is measured. Both ways pass the outer proxy; the front is asked at its own port too, which says what the outer
proxy takes, and an nginx stands once where the outer proxy stands. Then TensorBoard and MLflow as people have them, and how a websocket of a kernel fares.
"""

from __future__ import annotations

import contextlib
import subprocess
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

from labyard_lab.front.nginx import find_nginx
from tests.benchmarks.http_load import latencies_ms, requests_per_second
from tests.benchmarks.report import compare
from tests.platform import RunningPlatform, open_temporary_folder, start_platform, wait_until
from tests.workers import free_port

ROUNDS = 5
CONNECTIONS = 16
SECONDS = 2.0
SINGLE = 300
PASSWORD = "correct horse battery"

NGINX = """daemon off; master_process off; error_log stderr emerg; pid {folder}/pid; {user}
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_requests 1000000;
client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
{rest} }}
"""
TOOL = """
import os, sys, pathlib
nginx, template, socket, port = sys.argv[1:]
folder = socket + ".d"
os.mkdir(folder)
rest = f"server {{ listen unix:{socket}; listen 127.0.0.1:{port}; location / {{ return 200 ok; }} }}"
pathlib.Path(folder, "conf").write_text(pathlib.Path(template).read_text().format(folder=folder, user="", rest=rest))
os.execv(nginx, [nginx, "-p", folder, "-c", folder + "/conf", "-e", "stderr"])
"""
OUTER = """upstream front {{ server 127.0.0.1:{front}; keepalive 32; }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://front; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }} }}
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
    nginx = find_nginx()
    if nginx is None:
        raise SystemExit("there is no nginx for a front: install labyard-lab[front]")
    with open_temporary_folder() as root, _someone(root, nginx) as (person, port):
        _ways(person, port, nginx, root)
        _tensorboard(person)
        _mlflow(person)
        _websockets(person)


@contextlib.contextmanager
def _someone(root: Path, nginx: Path) -> Iterator[tuple[Person, int]]:
    """Start a platform with the tool, once for each way; the port is where the first is asked directly."""
    (root / "tools.d").mkdir()
    (root / "tool.py").write_text(TOOL)
    (root / "template").write_text(NGINX)
    ports = {"short": free_port(), "long": free_port()}
    for name, port in ports.items():
        command = [sys.executable, str(root / "tool.py"), str(nginx), str(root / "template"), "{socket}", str(port)]
        tool = {"name": name, "title": name, "command": command, "sets_cookies": name == "long"}
        (root / "tools.d" / f"{name}.yaml").write_text(yaml.safe_dump(tool))
    (root / "config.yaml").write_text("tools: {enabled: [tensorboard, mlflow]}\n")
    with start_platform(root / "state", "--config", str(root / "config.yaml")) as running:
        running.add_user("ada", PASSWORD)
        session = running.session("ada", PASSWORD)
        session.start_server("ada")
        token = session.token("ada")
        session.http.get("user/ada/lab").raise_for_status()
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.http.cookies.jar if "/user/ada/".startswith(cookie.path))
        yield Person(running, token, {"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}), ports["short"]


def _front(person: Person) -> psutil.Process:
    """Return the front's process."""
    marker = f"/{person.running.state.instance}/"
    lines = ((one, " ".join(one.info["cmdline"] or ())) for one in psutil.process_iter(["cmdline"]))
    return next(one for one, line in lines if "nginx" in line and marker in line and "/front-" in line)


def _ways(person: Person, port: int, nginx: Path, root: Path) -> None:
    short, long = person.open("short"), person.open("long")
    httpx.get(short, headers=person.headers).raise_for_status()
    front = _front(person)
    front_port = next(one.laddr.port for one in front.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
    outer_port = free_port()
    with _outer(nginx, root, outer_port, front_port):
        sides = {
            "direct": f"http://127.0.0.1:{port}/",
            "outer proxy, server": long,
            "outer proxy, front": short,
            "front alone": _at(short, front_port),
            "nginx, front": _at(short, outer_port),
        }
        _measure("into a tool", person, sides, base="outer proxy, server")
    memory = front.memory_full_info()
    print(
        f"memory of the front: {memory.uss / 2**20:.1f} MB of its own, {memory.rss / 2**20:.1f} MB with the program's pages that all fronts share\n"
    )


def _at(url: str, port: int) -> str:
    return str(httpx.URL(url).copy_with(port=port))


@contextlib.contextmanager
def _outer(nginx: Path, root: Path, port: int, front: int) -> Iterator[None]:
    """Run an nginx where the outer proxy stands."""
    folder = root / "outer"
    folder.mkdir()
    (folder / "conf").write_text(NGINX.format(folder=folder, user="user root root;", rest=OUTER.format(front=front, port=port)))
    process = subprocess.Popen([nginx, "-p", folder, "-c", folder / "conf", "-e", "stderr"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


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
    """A route that TensorBoard's page asks all the time, by both ways."""
    person.server.put("api/contents/runs", json={"type": "directory"}).raise_for_status()
    url = person.open("tensorboard", "runs") + "data/runs"
    httpx.get(url, headers=person.headers).raise_for_status()
    # What may hold a token under an odd name takes the long way.
    sides = {"outer proxy, server": f"{url}?%20=", "outer proxy, front": url}
    _measure("to TensorBoard", person, sides, base="outer proxy, server")


def _mlflow(person: Person) -> None:
    headers = {"Authorization": f"token {person.token}"}
    url = f"{person.running.url}services/mlflow/"
    someone = Person(person.running, person.token, headers)
    _measure("to MLflow's page", someone, {"outer proxy": url, "direct": person.running.platform.mlflow_url}, base="outer proxy")


def _websockets(person: Person) -> None:
    """Pings on a kernel's websocket, which the server answers itself: the kernel is not what is measured."""
    kernel = person.server.post("api/kernels", json={"name": "python3"}).json()["id"]
    path = f"user/ada/api/kernels/{kernel}/channels"
    record = (person.running.state.run_private / "servers" / "ada.json").read_text()
    process = psutil.Process(yaml.safe_load(record)["pid"])
    own = next(one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN and _is_jupyter(one.laddr.port))
    sides = {"direct": f"ws://127.0.0.1:{own}/{path}", "outer proxy": person.running.url.replace("http", "ws", 1) + path}
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, url in sides.items():
            taken[side].append(_ping_ms(url, person.token))
    compare("Ping on a kernel's websocket", "ms", taken, base="direct")


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
