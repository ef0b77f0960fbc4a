"""Logs a run with the notebooks' MLflow into a folder, and reads it back."""

import mlflow

mlflow.set_tracking_uri("file:///tmp/mlruns")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.25, step=7)
    mlflow.log_param("layers", 3)
found = mlflow.get_run(run.info.run_id).data
print(found.metrics["loss"], found.params["layers"])
