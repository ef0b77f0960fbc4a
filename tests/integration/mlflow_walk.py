"""Calls any route of MLflow's with one user's identifiers in every place that takes one."""

from __future__ import annotations

import json
from typing import Any

import httpx

from labyard_hub.mlflow_server.mlflow_gateway.routes import RouteTable
from tests.labyard_hub.mlflow_server.mlflow_routes import sample, template_of

__all__ = ["artifact_path", "call", "trace_info"]


def parameters(ids: dict[str, str], template: str) -> dict[str, Any]:
    """Return a value for every parameter that any route takes, so that each finds what it needs and ignores the rest."""
    values: dict[str, Any] = {
        "experiment_id": ids["experiment_id"], "experiment_ids": [ids["experiment_id"]], "experiment_name": ids["experiment_name"],
        "run_id": ids["run_id"], "run_uuid": ids["run_id"], "run_ids": [ids["run_id"]],
        "model_id": ids["model_id"], "version": ids["version"], "alias": "best", "stages": [],
        "trace_id": ids["trace_id"], "request_id": ids["trace_id"], "trace_ids": [ids["trace_id"]], "request_ids": [ids["trace_id"]],
        "assessment_id": ids["assessment_id"], "dataset_id": ids["dataset_id"], "dataset_ids": [ids["dataset_id"]],
        "metric_key": "loss", "key": "secret", "tag_key": "secret", "value": "changed", "new_name": "changed", "run_name": "changed",
        "tags": [{"key": "secret", "value": "changed"}], "params": [{"key": "more", "value": "changed"}], "status": "READY",
        "path": "secret.txt", "artifact_file_path": "secret.txt", "artifact_path": artifact_path(ids), "max_results": 100,
        "name": ids["registered_model"], "stage": "Archived", "description": "changed", "serialized_scorer": "{}", "filter": "", "timestamp": 1,
        "step": 1, "metrics": [{"key": "loss", "value": 9.0, "timestamp": 1, "step": 2}], "max_timestamp_millis": 2**52,
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": ids["experiment_id"]}}],
        "view_type": "TRACE", "view": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}],
        "filter_string1": "", "filter_string2": "", "source": f"runs:/{ids['run_id']}/model", "records": "[]", "model_type": "changed",
        "user_id": "bob", "tags_json": "{}", "prompt_versions": [{"name": ids["registered_model"], "version": "1"}],
        "assessment": {"assessment_name": "quality", "trace_id": ids["trace_id"], "feedback": {"value": "changed"}},
        "update_mask": "rationale", "query": GRAPHQL, "variables": {"data": {"runId": ids["run_id"]}}, "operationName": "GetRun",
        "dataset_record_ids": [], "datasets": [], "models": [{"model_id": ids["model_id"], "step": 1}], "model_json": "{}",
        "trace": {"trace_info": trace_info(ids)},
    }  # fmt: skip
    for end, changes in PARTICULAR.items():
        if template.endswith(end):
            values.update({name: value(ids) if callable(value) else value for name, value in changes.items()})
    return {name: value for name, value in values.items() if value is not None}


PARTICULAR: dict[str, dict[str, Any]] = {
    "mlflow/traces/metrics": {"view_type": "TRACES"},
    "mlflow/traces/{}": {"status": "OK", "tags": []},
    "mlflow/traces/{}/tags": {"tags": None},
    "mlflow/traces/delete-traces": {"max_timestamp_millis": None},
    "mlflow/scorers/list": {"experiment_ids": None, "name": lambda ids: ids["scorer"]},
    "mlflow/scorers/versions": {"name": lambda ids: ids["scorer"]},
    "mlflow/scorers/get": {"name": lambda ids: ids["scorer"]},
    "mlflow/scorers/register": {"name": lambda ids: ids["scorer"]},
    "mlflow/scorers/delete": {"name": lambda ids: ids["scorer"]},
    "get-trace-artifact": {"path": None},
    "mlflow/artifacts/list": {"path": None},
    "mlflow-artifacts/artifacts": {"path": lambda ids: artifact_path(ids).removesuffix("/secret.txt")},
    "artifacts/directories": {"artifact_directory_path": "folder"},
    "mlflow/runs/log-metric": {"key": "loss", "value": 9.0},
    "mlflow/runs/log-parameter": {"key": "another"},
    "mlflow/runs/log-model": {
        "model_json": lambda ids: json.dumps({
            "run_id": ids["run_id"], "artifact_path": "model", "utc_time_created": "2026-01-01", "flavors": {"python_function": {}},
        })
    },
    "mlflow/model-versions/create": {"model_id": None},
    "mlflow/datasets/search": {"tags": "{}"},
    "mlflow/datasets/create": {"tags": "{}", "name": "another"},
    "mlflow/datasets/{}/tags": {"tags": '{"secret": "changed"}'},
    "mlflow/experiments/create": {"name": "another", "tags": []},
    "mlflow/registered-models/create": {"name": "another"},
}  # fmt: skip
"""Where a route needs something else than the others under the same name, or must not be sent it."""

GRAPHQL = """query GetRun($data: MlflowGetRunInput!) { mlflowGetRun(input: $data) { apiError { message } run { info { runName } data { params { value } } } } }"""


def trace_info(ids: dict[str, str]) -> dict[str, Any]:
    return {
        "trace_id": ids["trace_id"], "request_time": "2026-01-01T00:00:00Z", "execution_duration": "1s", "state": "OK",
        "request_preview": "changed", "response_preview": "changed", "trace_metadata": {}, "tags": {"secret": "changed"},
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": ids["experiment_id"]}},
    }  # fmt: skip


def artifact_path(ids: dict[str, str]) -> str:
    return ids["artifact_uri"].removeprefix("mlflow-artifacts:/") + "/secret.txt"


def fill(path: str, values: dict[str, Any]) -> str:
    for name in sorted(values, key=len, reverse=True):
        value = str(values[name])
        for mark in (f"<path:{name}>", f"{{{name}:path}}", f"<{name}>", f"{{{name}}}"):
            path = path.replace(mark, value)
    return path


def call(client: httpx.Client, method: str, path: str, ids: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
    """Call a route of MLflow's with Ada's identifiers in every place."""
    values = parameters(ids, template_of(path))
    url = fill(path, values).removeprefix("/")
    rule = RouteTable().find(method, sample(template_of(path)))
    filled = "<" not in url and "{" not in url
    assert filled or rule is None or rule.access is None or "static-files" in path, f"the test has no value for {path}"
    url = sample(template_of(url))
    if method == "GET":
        flat = {
            name: value
            for name, value in values.items()
            if isinstance(value, str | int) or (isinstance(value, list) and value and isinstance(value[0], str))
        }
        return client.get(url, params=flat, headers=headers)
    if "upload-artifact" in url:
        return client.request(method, url, params={"run_uuid": ids["run_id"], "path": "secret.txt"}, content=b"changed", headers=headers)
    if "mlflow-artifacts/artifacts/" in url:
        return client.request(method, url, content=b"changed", headers=headers)
    return client.request(method, url, json=values, headers=headers)
