from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from labyard_hub.mlflow_server.mlflow_gateway import query_statistics
from labyard_hub.mlflow_server.mlflow_gateway.query_statistics import Statistics
from tests.platform import wait_until

# As MLflow asks for runs sorted by a metric, in short.
SORTED = """
SELECT DISTINCT runs.run_uuid, runs.experiment_id, best.value FROM runs
LEFT OUTER JOIN (SELECT value, run_uuid FROM latest_metrics WHERE key = 'loss') AS best ON runs.run_uuid = best.run_uuid
WHERE runs.experiment_id IN (1) ORDER BY best.value LIMIT 100
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, experiment_id INTEGER)")
        connection.execute("CREATE TABLE latest_metrics (key TEXT, value REAL, run_uuid TEXT, PRIMARY KEY (key, run_uuid))")
        connection.executemany("INSERT INTO runs VALUES (?, 1)", [(str(number),) for number in range(2000)])
        connection.executemany("INSERT INTO latest_metrics VALUES ('loss', 1, ?)", [(str(number),) for number in range(2000)])
    connection.close()
    return path


def compares_each_with_each(database: Path) -> bool:
    connection = sqlite3.connect(database)
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {SORTED}")]
    connection.close()
    return any(step.startswith("SCAN") and "LEFT-JOIN" in step for step in steps)


def test_runs_are_sorted_the_quick_way(database: Path) -> None:
    assert compares_each_with_each(database)
    Statistics(database).gather()
    assert not compares_each_with_each(database)


def test_they_follow_what_is_written(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_statistics, "EVERY_SECONDS", 0.05)
    statistics = Statistics(database)
    statistics.keep()
    try:
        with sqlite3.connect(database) as connection:
            connection.execute("INSERT INTO runs VALUES ('new', 1)")
        connection.close()
        wait_until(lambda: not compares_each_with_each(database), "statistics", 20)
    finally:
        statistics.end()


def test_a_damaged_database_is_told_of_and_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(query_statistics, "EVERY_SECONDS", 0.01)
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"this is no database" * 100)
    statistics = Statistics(path)
    statistics.keep()
    try:
        os.utime(path, (1, 1))
        wait_until(lambda: "could not be brought up to date" in caplog.text, "a warning", 20)
    finally:
        statistics.end()
