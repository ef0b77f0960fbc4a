"""Data for the benchmarks of tools: a log folder of TensorBoard's, and a database of MLflow's.

MLflow's is made by its own store, and filled by SQL: ten thousand runs through the store would take longer than the benchmark.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

__all__ = ["EXPERIMENTS", "LARGE_EXPERIMENT_RUNS", "RUNS", "make_event_files", "make_mlflow_database"]

RUNS = 10_000
EXPERIMENTS = 100
LARGE_EXPERIMENT_RUNS = 5_050
"""The first experiment has so many, each other one fifty."""
METRICS, STEPS, PARAMETERS = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds"), 10, 5
START_MS = 1_700_000_000_000

_WRITE = """
import sys
from tensorboardX import SummaryWriter
writer = SummaryWriter(sys.argv[1], max_queue=1000, flush_secs=600)
for step in range(int(sys.argv[2])):
    writer.add_scalar("loss", 1 / (step + 1), step)
writer.close()
"""

_TABLES = """
import sys
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
store = SqlAlchemyStore(sys.argv[1], "mlflow-artifacts:/")
for number in range(int(sys.argv[2])):
    print(store.create_experiment(f"experiment {number}"))
"""


def make_event_files(python: Path, folder: Path, *, runs: int, steps: int) -> None:
    """Fill `folder` with `runs` runs of `steps` steps of one curve. The interpreter needs tensorboardX; all runs have the same numbers."""
    first = folder / "run000"
    subprocess.run([python, "-c", _WRITE, first, str(steps)], check=True)
    for number in range(1, runs):
        shutil.copytree(first, folder / f"run{number:03}")


def make_mlflow_database(python: Path, path: Path) -> list[str]:
    """Make a database with `RUNS` runs in `EXPERIMENTS` experiments, and return the identifiers of these, that of the large one first."""
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [python, "-c", _TABLES, f"sqlite:///{path}", str(EXPERIMENTS)], check=True, capture_output=True, text=True, env=environment
    )
    experiments = done.stdout.split()
    assert len(experiments) == EXPERIMENTS
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for number in range(RUNS):
            experiment = experiments[0] if number < LARGE_EXPERIMENT_RUNS else experiments[1 + number % (EXPERIMENTS - 1)]
            _add_run(connection, number, experiment)
        connection.commit()
    connection.close()
    return experiments


def _add_run(connection: sqlite3.Connection, number: int, experiment: str) -> None:
    run, start = f"{number:032x}", START_MS + number * 60_000
    connection.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, "
        "lifecycle_stage, artifact_uri, experiment_id) VALUES (?, ?, 'UNKNOWN', '', '', 'ada', 'FINISHED', ?, ?, '', 'active', ?, ?)",
        (run, f"run {number}", start, start + 30_000, f"mlflow-artifacts:/{experiment}/{run}/artifacts", int(experiment)),
    )
    values = [(name, (number * 7919 % 10_007) / 10_007 + step, start + step, step) for name in METRICS for step in range(STEPS)]
    insert = "INSERT INTO {} (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, 0, ?)"
    connection.executemany(insert.format("metrics"), [(*value, run) for value in values])
    connection.executemany(insert.format("latest_metrics"), [(*value, run) for value in values if value[3] == STEPS - 1])
    connection.executemany(
        "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
        [(f"parameter{one}", str(number % (one + 2)), run) for one in range(PARAMETERS)],
    )
    tags = {"mlflow.user": "ada", "mlflow.source.name": "train.py", "mlflow.source.type": "LOCAL", "mlflow.runName": f"run {number}"}
    connection.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", [(key, value, run) for key, value in tags.items()])
