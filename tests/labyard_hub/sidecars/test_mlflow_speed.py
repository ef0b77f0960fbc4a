"""What makes MLflow quicker must change none of its answers. Worth its ten seconds: a difference would show in a page of MLflow's only, if at all."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import labyard_hub.sidecars
from tests.labyard_hub.sidecars.mlflow_routes import mlflow_routes


@pytest.fixture(scope="module")
def found(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What MLflow's interpreter says."""
    folder = tmp_path_factory.mktemp("mlflow")
    done = subprocess.run(
        [environments / "mlflow" / "bin" / "python", "-W", "ignore", Path(__file__).with_name("mlflow_in_process.py"), folder],
        capture_output=True, text=True, timeout=180, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(labyard_hub.sidecars.__file__).parent)},
    )  # fmt: skip
    line = next((line for line in done.stdout.splitlines() if line.startswith("FOUND ")), None)
    assert line is not None, done.stderr
    return dict(json.loads(line.removeprefix("FOUND ")))


def test_every_answer_reads_as_mlflow_writes_it(found: dict[str, Any]) -> None:
    assert found["answers"]["kinds"] > 150
    assert found["answers"]["other"] == []
    assert found["answers"]["ours"] > found["answers"]["kinds"] * 0.6


def test_the_short_way_answers_in_the_workspace_that_the_gateway_chose(found: dict[str, Any]) -> None:
    way = found["way"]
    assert json.loads(way["echo"]["body"]) == {"workspace": "ada", "query": "b", "body": "a body"}
    assert way["echo"]["status"] == 200
    assert way["echo"]["messages"] == 2
    assert way["pieces"]["body"] == "one two for ada"
    assert way["after"] is None


def test_an_answer_in_pieces_comes_to_its_end_and_is_closed(found: dict[str, Any]) -> None:
    assert found["way"]["pieces"]["ends"]
    assert found["way"]["closed"] == ["pieces"]
    for name, status in (("nothing", 204), ("head", 200), ("fault", 500)):
        assert found["way"][name]["status"] == status
        assert found["way"][name]["ends"]
    assert found["way"]["head"]["body"] == ""


def test_what_fastapi_has_a_route_for_goes_to_fastapi(found: dict[str, Any], environments: Path) -> None:
    assert found["way"]["paths"] == ["/echo", "/fault", "/nothing", "/pieces"]
    assert found["way"]["both"]["body"] == '"fastapi"'
    short = {path.removeprefix("/") for path in found["way"]["mlflow"]}
    assert {"ajax-api/2.0/mlflow/runs/search", "api/2.0/mlflow/experiments/search", "graphql", "get-artifact"} <= short
    known = {path.removeprefix("/") for _, path in mlflow_routes(environments / "mlflow" / "bin" / "python")}
    assert short <= known
    assert not any("<" in path or "server-info" in path or "v1/traces" in path for path in short)
