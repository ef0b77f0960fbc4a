"""Somebody who works with MLflow's client in a single-user server, without the server."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx

__all__ = ["Person"]


@dataclass
class Person:
    """Somebody with a home and the environment that their server gives to what runs in it."""

    home: Path
    environment: dict[str, str]
    api: httpx.Client
    python: Path

    def attempt(self, code: str, folder: str | Path = ".", python: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a script in `folder`, relative to the home."""
        where = self.home / folder
        where.mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            [str(python or self.python), "-W", "ignore", "-c", code],
            env={**self.environment, **more}, cwd=where, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def run(self, code: str, folder: str | Path = ".", python: Path | None = None, **more: str) -> str:
        """Run a script that succeeds, and return the last word that it printed after RUN."""
        done = self.attempt(code, folder, python, **more)
        assert done.returncode == 0, done.stderr
        return next(line for line in done.stdout.splitlines() if line.startswith("RUN")).split()[1]

    def experiment_of(self, identifier: str, workspace: str = "") -> str:
        """Return the name of an experiment."""
        headers = {"X-MLFLOW-WORKSPACE": workspace}
        answer = self.api.get("api/2.0/mlflow/experiments/get", params={"experiment_id": identifier}, headers=headers)
        return str(answer.json()["experiment"]["name"])
