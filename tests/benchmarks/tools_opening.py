"""From a click to a tool's page: TensorBoard with a hundred long runs, and Label Studio, through a Jupyter server with Labyard's extension.

The other sides are the same programs as they come: `tensorboard` with its own choice of loader and with its Python loader, and ``label-studio start``.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from labyard.builtin_tools import builtin_tool
from labyard_hub.backends.local.environments import EnvironmentStore, label_studio_template
from tests.benchmarks.report import compare
from tests.benchmarks.sign_in import _port
from tests.benchmarks.tool_data import make_event_files
from tests.benchmarks.tools_mlflow import _environment, _family, _memory_mb, _process
from tests.labyard_lab.conftest import TOKEN, LabServer
from tests.platform import open_temporary_folder, wait_until

__all__ = ["label_studio", "tensorboard"]

ROUNDS = 3
RUNS, STEPS = 100, 10_000
HEADERS = {"Authorization": f"token {TOKEN}"}


def _gets(url: str, **headers: str) -> bool:
    try:
        return httpx.get(url, headers=headers, timeout=60, trust_env=False, follow_redirects=True).status_code == 200
    except httpx.HTTPError:
        return False


def _all_curves(url: str, runs: list[str]) -> bool:
    """Return whether every curve is there to its end, asked as TensorBoard's page asks; but for all only once the last is, so as not to hold up the loading."""
    one = httpx.get(
        f"{url}data/plugin/scalars/scalars", params={"tag": "loss", "run": runs[-1]}, headers=HEADERS, timeout=120, trust_env=False
    )
    if one.status_code != 200 or json.loads(one.content)[-1][1] != STEPS - 1:
        return False
    answer = httpx.post(
        f"{url}data/plugin/scalars/scalars_multirun", data={"tag": "loss", "runs": runs}, headers=HEADERS, timeout=120, trust_env=False
    )
    found = json.loads(answer.content) if answer.status_code == 200 else {}
    return len(found) == len(runs) and all(points[-1][1] == STEPS - 1 for points in found.values())


def tensorboard() -> None:
    """Measure and print."""
    curves: dict[str, list[float]] = {"python loader": [], "tensorboard": [], "Labyard": []}
    pages, cpu, memory = ({name: [] for name in curves} for _ in range(3))
    with open_temporary_folder() as root, tempfile.TemporaryDirectory() as short:
        store = EnvironmentStore.default(root)
        python = store.ensure("tensorboard") / "bin" / "python"
        server = LabServer(Path(short) / "s", [builtin_tool("tensorboard", python=python)])
        try:
            logs = server.root / "logs"
            make_event_files(store.ensure("workbench") / "bin" / "python", logs, runs=RUNS, steps=STEPS)
            runs = sorted(path.name for path in logs.iterdir())

            def measure(name: str, url: str, pid: int, started: float) -> None:
                wait_until(lambda: _gets(url, **HEADERS), "the page", 120)
                pages[name].append(time.perf_counter() - started)
                wait_until(lambda: _all_curves(url, runs), "all curves", 600)
                curves[name].append(time.perf_counter() - started)
                cpu[name].append(sum(sum(one.cpu_times()[:2]) for one in _family(pid)))
                memory[name].append(_memory_mb(pid))

            for _ in range(ROUNDS):
                for name, flags in (("python loader", ["--load_fast=false"]), ("tensorboard", [])):
                    port = _port()
                    command = [str(python.parent / "tensorboard"), "--logdir", str(logs), "--port", str(port), *flags]
                    started = time.perf_counter()
                    with _process(command, _environment(python), root) as process:
                        measure(name, f"http://127.0.0.1:{port}/", process.pid, started)
                started = time.perf_counter()
                instance = server.client.post("instances", json={"tool": "tensorboard", "folder": "logs"}).json()
                keeper = wait_until(lambda: _keeper(server), "the keeper")
                measure("Labyard", server.tool_url(instance), keeper, started)
                server.client.delete(f"instances/{instance['id']}")
        finally:
            server.remove()
    compare(f"TensorBoard: start to its page, {RUNS} runs of {STEPS:,} steps", "s", pages, base="tensorboard")
    compare("TensorBoard: start to all curves", "s", curves, base="tensorboard")
    compare("TensorBoard: CPU until then", "s", cpu, base="tensorboard")
    compare("TensorBoard: memory then (PSS)", "MiB", memory, base="tensorboard")


def _keeper(server: LabServer) -> int | None:
    for process in psutil.Process(server.process.pid).children():
        if any(word.endswith("/keeper.py") for word in process.cmdline()):
            return process.pid
    return None


def label_studio() -> None:
    """Measure and print. Stock makes its database at its first start, Labyard's is a copy of one that was made when it was installed."""
    first: dict[str, list[float]] = {"label-studio start": [], "Labyard": []}
    later: dict[str, list[float]] = {"label-studio start": [], "Labyard": []}
    memory: dict[str, list[float]] = {"label-studio start": [], "Labyard": []}
    with open_temporary_folder() as root:
        store = EnvironmentStore.default(root)
        python = store.ensure("label-studio") / "bin" / "python"
        template = label_studio_template(store)
        for number in range(ROUNDS):
            for seconds in (first, later):
                port, data = _port(), root / f"data{number}"
                data.mkdir(exist_ok=True)
                environment = {
                    **_environment(python),
                    "HOME": str(data),
                    "LABEL_STUDIO_BASE_DATA_DIR": str(data),
                    "COLLECT_ANALYTICS": "false",
                }
                command = [
                    str(python.parent / "label-studio"),
                    "start",
                    "--no-browser",
                    "--internal-host",
                    "127.0.0.1",
                    "--port",
                    str(port),
                ]
                started = time.perf_counter()
                with _process(command, environment, data) as process:
                    wait_until(lambda port=port: _gets(f"http://127.0.0.1:{port}/user/login/"), "Label Studio", 600)  # type: ignore[misc]
                    seconds["label-studio start"].append(time.perf_counter() - started)
                    memory["label-studio start"].append(_memory_mb(process.pid))
            with tempfile.TemporaryDirectory() as short:
                tools = [builtin_tool("label-studio", python=python)]
                server = LabServer(Path(short) / "s", tools, environment={"LABYARD_LABEL_STUDIO_TEMPLATE": str(template)})
                try:
                    for seconds in (first, later):
                        started = time.perf_counter()
                        instance = server.client.post("instances", json={"tool": "label-studio", "folder": None}).json()
                        url = server.tool_url(instance)
                        wait_until(lambda url=url: _gets(url, **HEADERS, Accept="text/html"), "Label Studio", 600)  # type: ignore[misc]
                        seconds["Labyard"].append(time.perf_counter() - started)
                        memory["Labyard"].append(_memory_mb(wait_until(lambda: _keeper(server), "the keeper")))  # noqa: B023
                        server.client.delete(f"instances/{instance['id']}")
                finally:
                    server.remove()
    compare("Label Studio: first start to its page", "s", first, base="label-studio start")
    compare("Label Studio: later start to its page", "s", later, base="label-studio start")
    compare("Label Studio: memory then (PSS)", "MiB", memory, base="label-studio start")
