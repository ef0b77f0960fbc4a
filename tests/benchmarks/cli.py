"""Duration of a call of the command line: help, completion and reads, beside Python that does nothing and Python that imports click or httpx."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from labyard_hub.backends.local.processes import ProcessRecord
from labyard_hub.backends.local.server_records import server_record_file
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.supervisor.lock import hold
from tests.benchmarks.report import compare
from tests.platform import LABYARD
from tests.service import serve_service

ROUNDS = 15
SERVERS = 10
PROJECTS = 20
BASE = "python -c pass"


@contextmanager
def made_up_platform(folder: Path) -> Iterator[Path]:
    """A state folder on which a platform with `SERVERS` servers seems to run: each process is one that sleeps."""
    state = StateFolder.open(folder / "state")
    with ExitStack() as stack:
        stack.enter_context(hold(state))
        Platform("http://127.0.0.1:8000/", "http://127.0.0.1:8000/", 1, 2, 3, 4, os.getpid(), ready=True).write(state)
        files = {name: state.run_private / "processes" / f"{name}.json" for name in ("proxy", "hub", "service", "mlflow")}
        files |= {f"user{number}": server_record_file(state, f"user{number}", "") for number in range(SERVERS)}
        for name, file in files.items():
            process = stack.enter_context(subprocess.Popen(["sleep", "3600"]))
            stack.callback(process.kill)
            ProcessRecord.of(name, process.pid).write(file)
        yield state.root


@contextmanager
def served_projects(folder: Path) -> Iterator[str]:
    """A service in which ada has `PROJECTS` projects; yield the platform's address."""
    with serve_service(f"sqlite+aiosqlite:///{folder / 'labyard.db'}") as (api, _):
        with httpx.Client(base_url=api, headers={"Authorization": "Bearer ada"}, trust_env=False, timeout=60) as client:
            for number in range(PROJECTS):
                client.post("projects", json={"name": f"p{number}"}).raise_for_status()
        yield api.partition("services/")[0]


def measure(title: str, calls: dict[str, list[str]], environment: dict[str, str]) -> None:
    """Make each call in turn, and print how long they took, and for how long they computed, which a busy machine changes little."""
    elapsed: dict[str, list[float]] = {name: [] for name in calls}
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(ROUNDS + 1):
        for name, command in calls.items():
            began = time.perf_counter()
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            took = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0, name
            if number:  # the first only fills the disk's cache
                elapsed[name].append(took * 1000)
                cpu[name].append((used.ru_utime + used.ru_stime) * 1000)
    compare(title, "ms", elapsed, base=BASE)
    compare(f"{title}, CPU time", "ms", cpu, base=BASE)


def main() -> None:
    """Measure both kinds of calls."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LABYARD_", "COLUMNS", "_LABYARD"))}
    tab = ["env", "_LABYARD_COMPLETE=bash_complete", "COMP_WORDS=labyard project mem", "COMP_CWORD=2"]
    python = {BASE: [sys.executable, "-c", "pass"]}
    measure(
        "Help and completion",
        {
            **python,
            "python -c 'import click'": [sys.executable, "-c", "import click"],
            "labyard --version": [LABYARD, "--version"],
            "labyard --help": [LABYARD, "--help"],
            "labyard project --help": [LABYARD, "project", "--help"],
            "labyard completion bash": [LABYARD, "completion", "bash"],
            "a command completed, by env": [*tab, LABYARD],
        },
        plain,
    )
    with tempfile.TemporaryDirectory(prefix="labyard-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        with made_up_platform(folder) as state, served_projects(folder) as url:
            measure(
                f"Reads: a platform with {SERVERS} servers, a service with {PROJECTS} projects",
                {
                    **python,
                    "python -c 'import httpx'": [sys.executable, "-c", "import httpx"],
                    "labyard status": [LABYARD, "status"],
                    "labyard project list": [LABYARD, "project", "list"],
                    "labyard project list --json": [LABYARD, "project", "list", "--json"],
                    "labyard whoami": [LABYARD, "whoami"],
                },
                {**plain, "LABYARD_URL": url, "LABYARD_TOKEN": "ada", "LABYARD_STATE_DIR": str(state), "XDG_CONFIG_HOME": name},
            )
