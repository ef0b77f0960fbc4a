"""MLflow's gateway with its records on a real PostgreSQL server.

Worth its half a minute: MLflow's migrations, workspaces and queries are other SQL there, and no other test would meet it before a cluster does.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from labyard_hub.config.settings import Settings
from labyard_hub.supervisor.mlflow import mlflow_process
from labyard_hub.supervisor.process import ProcessSpec
from tests.integration.small_platform import SmallPlatform, small_platform
from tests.platform import open_temporary_folder
from tests.service import Postgres, install_driver, postgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


@dataclass
class World:
    """What runs."""

    platform: SmallPlatform
    server: Postgres
    mlflow: ProcessSpec


@pytest.fixture(scope="module")
def world(environments: Path) -> Iterator[World]:
    """Hub, service, PostgreSQL and MLflow with two workers, as on a cluster."""
    with open_temporary_folder() as folder, postgres() as server, small_platform(folder / "state") as platform:
        server.run("createdb", "-h", str(server.folder), "-U", "labyard", "labyard_mlflow")
        process = mlflow_process(platform.state, Settings(), platform.platform, python=environments / "mlflow" / "bin" / "python")
        more = {
            "PYTHONPATH": f"{process.env['PYTHONPATH']}:{install_driver(folder)}",
            "LABYARD_MLFLOW_DATABASE_URL": f"postgresql://labyard@/labyard_mlflow?host={server.folder}",
            "LABYARD_MLFLOW_WORKERS": "2",
        }
        found = World(platform, server, replace(process, env={**process.env, **more}, start_timeout_seconds=240))
        platform.start(found.mlflow)
        yield found


def test_a_run_is_logged_and_survives_a_restart(world: World) -> None:
    for name in ("ada", "bob"):
        world.platform.add_user(name)
    token = world.platform.token("ada")
    with world.platform.mlflow(token) as mlflow:
        found = mlflow.get("api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "Default"}).raise_for_status().json()
        experiment = found["experiment"]["experiment_id"]
        run = _post(mlflow, "runs/create", experiment_id=experiment, start_time=1_700_000_000_000)["run"]["info"]["run_id"]
        metrics = [{"key": "loss", "value": 1 / step, "timestamp": 1_700_000_000_000 + step, "step": step} for step in range(1, 101)]
        _post(mlflow, "runs/log-batch", run_id=run, metrics=metrics, params=[{"key": "rate", "value": "0.1"}])
        _post(mlflow, "registered-models/create", name="iris")

    world.platform.stop("mlflow")
    world.platform.start(world.mlflow)

    with world.platform.mlflow(token) as mlflow:
        query = {"filter": "metrics.loss < 0.02 and params.rate = '0.1'", "order_by": ["metrics.loss ASC"], "experiment_ids": [experiment]}
        runs = _post(mlflow, "runs/search", **query)["runs"]
        assert [one["info"]["run_id"] for one in runs] == [run]
        history = mlflow.get("api/2.0/mlflow/metrics/get-history", params={"run_id": run, "metric_key": "loss"}).json()
        assert len(history["metrics"]) == 100
        models = mlflow.get("api/2.0/mlflow/registered-models/search").raise_for_status().json()
        assert [model["name"] for model in models["registered_models"]] == ["iris"]
    with world.platform.mlflow(world.platform.token("bob")) as mlflow:
        assert mlflow.get("api/2.0/mlflow/runs/get", params={"run_id": run}).status_code == 404
        assert not mlflow.get("api/2.0/mlflow/registered-models/search").raise_for_status().json().get("registered_models")


async def test_the_records_are_there_and_in_no_file(world: World) -> None:
    connection = await asyncpg.connect(host=str(world.server.folder), user="labyard", database="labyard_mlflow")
    try:
        assert {"ada", "bob"} <= {row["name"] for row in await connection.fetch("SELECT name FROM workspaces")}
    finally:
        await connection.close()
    assert not (world.platform.state.mlflow / "mlflow.db").exists()


def test_a_database_that_is_missing_is_named(world: World) -> None:
    url = f"postgresql://labyard:secret@/nothing_here?host={world.server.folder}"
    done = subprocess.run(
        world.mlflow.argv, env={**world.mlflow.env, "LABYARD_MLFLOW_DATABASE_URL": url}, cwd="/", capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert 'database "nothing_here" does not exist' in done.stderr
    assert "MLflow's database postgresql+psycopg2://labyard:***@/nothing_here" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def _post(mlflow: Any, path: str, **body: Any) -> Any:
    answer = mlflow.post(f"api/2.0/mlflow/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()
