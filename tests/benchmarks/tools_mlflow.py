"""MLflow with ten thousand runs: the gateway's against `mlflow server` of the same version, each on a copy of the same database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

import labyard_hub.mlflow_server
from tests.benchmarks.report import compare
from tests.benchmarks.sign_in import _port
from tests.benchmarks.tool_data import make_mlflow_database
from tests.platform import open_temporary_folder, wait_until

__all__ = ["main"]

ROUNDS = 3
REQUESTS, WARM_UPS, LEAST_REQUESTS, SECONDS = 30, 2, 3, 20.0
"""Of each kind in each round, to the servers in turn: thirty, or as many as there is time for; the first two are not counted."""
PREFIX = "/services/mlflow"

# Answers as the labyard service does, after the few milliseconds that it takes.
SERVICE = """
import asyncio, json, sys
from aiohttp import web

async def authorize(request):
    await asyncio.sleep(0.004)
    return web.json_response({"user": "ada", "workspace": "default", "workspaces": {"default": "owner"}})

app = web.Application()
app.router.add_get("/services/labyard/api/v1/authorize", authorize)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""


@dataclass
class Side:
    """One of the two servers."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


def _environment(python: Path) -> dict[str, str]:
    return {
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": "ignore",
    }


def _gateway(python: Path, folder: Path, service_url: str) -> tuple[Side, list[str], dict[str, str]]:
    port = _port()
    environment = {
        **_environment(python),
        "PYTHONPATH": str(Path(labyard_hub.mlflow_server.__file__).parent),
        "LABYARD_MLFLOW_FOLDER": str(folder), "LABYARD_MLFLOW_PORT": str(port), "LABYARD_MLFLOW_WORKERS": "1", "LABYARD_MLFLOW_PREFIX": PREFIX,
        "LABYARD_SERVICE_URL": service_url, "LABYARD_LOGIN_PATH": "/login", "LABYARD_SESSION_COOKIE": "labyard-session",
        "LABYARD_ORIGIN": f"http://127.0.0.1:{port}",
    }  # fmt: skip
    return (
        Side("Labyard", f"http://127.0.0.1:{port}{PREFIX}/", {"Authorization": "Bearer benchmark"}),
        [str(python), "-m", "mlflow_gateway"],
        environment,
    )


def _stock(python: Path, folder: Path) -> tuple[Side, list[str], dict[str, str]]:
    port = _port()
    command = [
        str(python.parent / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    return Side("mlflow server", f"http://127.0.0.1:{port}/"), command, _environment(python)


@contextmanager
def _process(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        # The whole group: stock MLflow starts a dozen processes, some of which do not end with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}health", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _is_quiet(pid: int) -> bool:
    """Return whether a server and its workers use next to nothing of the processor; stock MLflow goes on starting after it has answered."""

    before = _cpu_seconds(pid)
    time.sleep(0.5)
    return _cpu_seconds(pid) - before < 0.05


def _cpu_seconds(pid: int) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in _family(pid))


def _memory_mb(pid: int) -> float:
    return sum(process.memory_full_info().pss for process in _family(pid)) / 2**20


def _times(clients: list[httpx.Client], method: str, path: str, body: dict[str, object]) -> list[list[float]]:
    """Ask the servers in turn, and return each one's milliseconds: whatever else the machine does, it does to both."""
    found: list[list[float]] = [[] for _ in clients]
    began = time.perf_counter()
    for number in range(REQUESTS + WARM_UPS):
        if number >= LEAST_REQUESTS and time.perf_counter() - began > SECONDS:
            break
        for client, times in zip(clients, found, strict=True):
            started = time.perf_counter()
            answer = client.request(method, path, **({"json": body} if method == "POST" else {"params": body}))
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 200, answer.text
    return found


def main() -> None:
    """Measure and print."""
    from labyard_hub.backends.local.environments import EnvironmentStore

    with open_temporary_folder() as root:
        python = EnvironmentStore.default(root).ensure("mlflow") / "bin" / "python"
        experiments = make_mlflow_database(python, root / "seed.db")
        service_port = _port()
        (root / "service.py").write_text(SERVICE)
        service = [sys.executable, str(root / "service.py"), str(service_port)]
        with _process(service, {"PATH": "/usr/bin:/bin"}, root):
            sides = []
            for side, command, environment in (
                _stock(python, root / "stock"),
                _gateway(python, root / "labyard", f"http://127.0.0.1:{service_port}/services/labyard/"),
            ):
                folder = root / ("stock" if side.name == "mlflow server" else "labyard")
                folder.mkdir()
                shutil.copyfile(root / "seed.db", folder / "mlflow.db")
                sides.append((side, command, environment, folder))
            _measure(sides, experiments)


def _measure(sides: list[tuple[Side, list[str], dict[str, str], Path]], experiments: list[str]) -> None:
    starts: dict[str, list[float]] = {side.name: [] for side, *_ in sides}
    cpu: dict[str, list[float]] = {side.name: [] for side, *_ in sides}
    memory: dict[str, list[float]] = {side.name: [] for side, *_ in sides}
    large = experiments[0]
    search = "api/2.0/mlflow/runs/search"
    newest = {"experiment_ids": [large], "max_results": 100, "order_by": ["attributes.start_time DESC"]}
    requests = {
        "one experiment": ("GET", "api/2.0/mlflow/experiments/get", {"experiment_id": large}),
        "list of experiments": ("POST", "api/2.0/mlflow/experiments/search", {"max_results": 100}),
        "page of runs, newest first": ("POST", search, newest),
        "page of runs, best first": ("POST", search, {**newest, "order_by": ["metrics.`loss` ASC"]}),
        "runs by metric and parameter": ("POST", search, {**newest, "filter": "metrics.loss < 9.5 and params.parameter0 = '1'"}),
        "history of a metric": ("GET", "api/2.0/mlflow/metrics/get-history", {"run_id": f"{1:032x}", "metric_key": "loss"}),
    }
    took, computed = ({name: dict[str, list[float]]({side.name: [] for side, *_ in sides}) for name in requests} for _ in range(2))
    for _ in range(ROUNDS):
        with ExitStack() as stack:
            processes = []
            for side, command, environment, folder in sides:
                started = time.perf_counter()
                process = stack.enter_context(_process(command, environment, folder))
                wait_until(lambda side=side: _answers(side.url), side.name, 180)
                starts[side.name].append(time.perf_counter() - started)
                cpu[side.name].append(_cpu_seconds(process.pid))
                wait_until(lambda process=process: _is_quiet(process.pid), "a quiet server", 120)  # type: ignore[misc]
                processes.append(process)
            clients = [
                stack.enter_context(httpx.Client(base_url=side.url, headers=side.headers, timeout=60, trust_env=False))
                for side, *_ in sides
            ]
            for name, (method, path, body) in requests.items():
                before = [_cpu_seconds(process.pid) for process in processes]
                found = _times(clients, method, path, body)
                for (side, *_), process, used, times in zip(sides, processes, before, found, strict=True):
                    took[name][side.name] += times[WARM_UPS:]
                    computed[name][side.name].append((_cpu_seconds(process.pid) - used) * 1000 / len(times))
            for (side, *_), process in zip(sides, processes, strict=True):
                memory[side.name].append(_memory_mb(process.pid))
    base = sides[0][0].name
    compare("MLflow: start to first answer", "s", starts, base=base)
    compare("MLflow: CPU of the start", "s", cpu, base=base)
    compare("MLflow: memory after the requests (PSS)", "MiB", memory, base=base)
    for name in requests:
        compare(f"MLflow: {name}", "ms", took[name], base=base)
        compare(f"MLflow: {name}, CPU of the server", "ms", computed[name], base=base)
