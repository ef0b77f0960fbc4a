"""MLflow's own list of routes, for tests that go through all of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import labyard_hub.mlflow_server

__all__ = ["mlflow_routes", "sample", "template_of"]


@cache
def mlflow_routes(python: Path) -> tuple[tuple[str, str], ...]:
    """Return (method, path with its parameters' names) of every route, without the static prefix."""
    environment = {**os.environ, "PYTHONPATH": str(Path(labyard_hub.mlflow_server.__file__).parent)}
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(python), "-W", "ignore", str(Path(__file__).with_name("mlflow_route_list.py")), folder],
            capture_output=True, text=True, timeout=180, check=False, cwd=folder, env=environment,
        )  # fmt: skip
    line = next((line for line in done.stdout.splitlines() if line.startswith("ROUTES ")), None)
    assert line is not None, done.stderr
    return tuple((method, path) for method, path in json.loads(line.removeprefix("ROUTES ")))


def template_of(path: str) -> str:
    """Return Flask's or FastAPI's `path` as our tables write it."""
    path = re.sub(r"<path:\w+>|\{\w+:path\}", "\0", path)
    return re.sub(r"<[^>]+>|\{[^}]+\}", "{}", path).replace("\0", "{path}").removeprefix("/")


def sample(template: str) -> str:
    """Return a path that `template` matches."""
    return template.replace("{path}", "one/two").replace("{}", "three")
