"""Fills the caller's MLflow workspace with one of everything, all marked, and prints the identifiers as JSON.

It runs with the interpreter of the workbench, as a user's script would: nothing is set up but the environment of a single-user server.
"""

import json
import os
import sys
from pathlib import Path

import mlflow
import requests
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression

marker = sys.argv[1]

client = MlflowClient()
http = requests.Session()
http.headers["Authorization"] = f"Bearer {os.environ['MLFLOW_TRACKING_TOKEN']}"


def call(method, path, **kwargs):
    # The client keeps this in step with the folder.
    http.headers["X-MLFLOW-WORKSPACE"] = os.environ.get("MLFLOW_WORKSPACE", "")
    answer = http.request(method, f"{os.environ['MLFLOW_TRACKING_URI']}/{path}", timeout=60, **kwargs)
    answer.raise_for_status()
    return answer.json() if answer.content else {}


secret = Path(os.environ["HOME"], "secret.txt")
secret.write_text(f"logged {marker}")

mlflow.sklearn.autolog(log_models=False, log_datasets=True, silent=True)
with mlflow.start_run(run_name=f"run {marker}") as run:
    LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    mlflow.log_param("secret", marker)
    mlflow.log_metric("loss", 0.5, step=1)
    mlflow.log_metric(f"metric_{marker}", 1.0)
    mlflow.set_tag("secret", marker)
    mlflow.log_text(f"artifact {marker}", "secret.txt")
    mlflow.log_text(f"<script>document.title = 'hacked'</script>{marker}", "page.html")
    mlflow.log_dict(
        {"artifact_path": "model", "flavors": {"python_function": {"loader_module": "none"}}, "run_id": run.info.run_id}, "model/MLmodel"
    )
    mlflow.log_text(f"model {marker}", "model/secret.txt")
    mlflow.log_text("", f"named-{marker}.txt")
    logged = mlflow.create_external_model(name=f"logged-{marker}", params={"secret": marker}, tags={"secret": marker})

experiment = client.get_experiment(run.info.experiment_id)
client.set_experiment_tag(experiment.experiment_id, "secret", marker)

client.create_registered_model("ada-model", tags={"secret": marker}, description=marker)
version = mlflow.register_model(f"runs:/{run.info.run_id}/model", "ada-model", tags={"secret": marker})
client.update_model_version("ada-model", version.version, description=marker)
client.log_model_artifact(logged.model_id, str(secret))
client.set_registered_model_alias("ada-model", "best", version.version)

with mlflow.start_span(f"span {marker}") as span:
    span.set_inputs({"secret": marker})
    span.set_outputs({"secret": marker})
mlflow.flush_trace_async_logging()
trace_id = span.trace_id
client.set_trace_tag(trace_id, "secret", marker)
assessment = mlflow.log_feedback(trace_id=trace_id, name="quality", value=marker, rationale=marker)
mlflow.flush_trace_async_logging()

dataset = call(
    "POST", "api/3.0/mlflow/datasets/create",
    json={"name": "ada-dataset", "experiment_ids": [experiment.experiment_id], "tags": json.dumps({"secret": marker})},
)["dataset"]  # fmt: skip
record = {"inputs": {"secret": marker}, "expectations": {"secret": marker}}
call("POST", f"api/3.0/mlflow/datasets/{dataset['dataset_id']}/records", json={"records": json.dumps([record])})
call(
    "POST", "api/3.0/mlflow/scorers/register",
    json={"experiment_id": experiment.experiment_id, "name": "ada-scorer", "serialized_scorer": json.dumps({"name": "ada-scorer", "instructions": marker})},
)  # fmt: skip

sys.stdout.write("SEED " + json.dumps({
    "folder": str(Path.cwd()), "experiment_id": experiment.experiment_id, "experiment_name": experiment.name, "run_id": run.info.run_id,
    "artifact_uri": run.info.artifact_uri, "model_id": logged.model_id, "trace_id": trace_id, "assessment_id": assessment.assessment_id,
    "dataset_id": dataset["dataset_id"], "registered_model": "ada-model", "version": version.version, "scorer": "ada-scorer",
}))  # fmt: skip
