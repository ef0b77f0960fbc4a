"""MLflow prints the address that browsers open, for the platform's server alone. It fails where a version of MLflow prints in another way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from labyard_hub.hub_process.mlflow_client import CLIENT

PROGRAM = """
import json, sys
from unittest.mock import patch
import mlflow
from mlflow.entities import Run, RunData, RunInfo
from mlflow.store.tracking.rest_store import RestStore
from mlflow.tracking._tracking_service.client import TrackingServiceClient
from mlflow.tracking.request_header.registry import resolve_request_headers

info = RunInfo("r1", "7", "ada", "FINISHED", 1, 2, "active", run_name="first")
resolve_request_headers()  # before each request
resolve_request_headers()
with patch.object(RestStore, "get_run", lambda self, run_id: Run(info, RunData())):
    for address in sys.argv[1:]:
        TrackingServiceClient(address)._log_url("r1")
"""


def test_links_are_public_for_the_platform_s_server_alone(environments: Path, tmp_path: Path) -> None:
    variables = {
        "PYTHONPATH": str(CLIENT), "LABYARD_MLFLOW_URL": "http://labyard-mlflow:5000/services/mlflow", "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_NOTEBOOK_TRACE_RENDERER_BASE_URL": "https://lab.example.org/services/mlflow", "MLFLOW_TRACKING_AUTH": "labyard",
    }  # fmt: skip
    program = [environments / "mlflow" / "bin" / "python", "-c", PROGRAM, variables["LABYARD_MLFLOW_URL"], "http://other.example.org:5000"]
    done = subprocess.run(program, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = [line for line in done.stdout.splitlines() if "View run" in line]
    assert runs == [
        "🏃 View run first at: https://lab.example.org/services/mlflow/#/experiments/7/runs/r1",
        "🏃 View run first at: http://other.example.org:5000/#/experiments/7/runs/r1",
    ], json.dumps(done.stdout)
