"""From a click to TensorBoard's page with a hundred long runs, through a Jupyter server with Labyard's extension.

The other sides are `tensorboard` with its own choice of loader and with its Python loader.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import httpx

from labyard.builtin_tools import builtin_tool
from labyard_hub.backends.local.environments import EnvironmentStore
from tests.benchmarks.report import compare
from tests.benchmarks.sign_in import _port
from tests.benchmarks.tool_data import make_event_files
from tests.benchmarks.tools_label_studio import keeper_of
from tests.benchmarks.tools_mlflow import _environment, _family, _memory_mb, _process
from tests.labyard_lab.conftest import TOKEN, LabServer
from tests.platform import open_temporary_folder, wait_until

__all__ = ["tensorboard"]

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
                keeper = wait_until(lambda: keeper_of(server), "the keeper")
                measure("Labyard", server.tool_url(instance), keeper, started)
                server.client.delete(f"instances/{instance['id']}")
        finally:
            server.remove()
    compare(f"TensorBoard: start to its page, {RUNS} runs of {STEPS:,} steps", "s", pages, base="tensorboard")
    compare("TensorBoard: start to all curves", "s", curves, base="tensorboard")
    compare("TensorBoard: CPU until then", "s", cpu, base="tensorboard")
    compare("TensorBoard: memory then (PSS)", "MiB", memory, base="tensorboard")
