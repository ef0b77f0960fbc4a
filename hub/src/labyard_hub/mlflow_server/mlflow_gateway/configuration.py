"""What the gateway is told by its environment, and what it tells MLflow by the same way."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .query_statistics import EVERY_SECONDS

__all__ = ["Configuration", "apply"]


@dataclass(frozen=True)
class Configuration:
    """What this process serves.

    Attributes
    ----------
    folder
        Database and artifacts.
    port
        TCP port.
    workers
        Processes.
    prefix
        URL path, without a trailing slash.
    service_url
        The labyard service, with a trailing slash.
    login_path, cookie_name, origin, separate
        See `GatewaySettings`.
    host
        Address to listen on.
    artifact_store
        Where artifacts are, such as ``s3://bucket/path``; None: in the folder.
    database_server
        URL of a database on a PostgreSQL server; None: an SQLite file in the folder. The password is in ``PGPASSWORD``, as the driver reads it.
    """

    folder: Path
    port: int
    workers: int
    prefix: str
    service_url: str
    login_path: str
    cookie_name: str
    origin: str
    separate: bool = False
    host: str = "127.0.0.1"
    artifact_store: str | None = None
    database_server: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Configuration:
        """Return what ``labyard up`` has set.

        Raises
        ------
        KeyError
            If something is missing.
        """
        return cls(
            folder=Path(environment["LABYARD_MLFLOW_FOLDER"]),
            port=int(environment["LABYARD_MLFLOW_PORT"]),
            workers=int(environment["LABYARD_MLFLOW_WORKERS"]),
            prefix=environment["LABYARD_MLFLOW_PREFIX"].rstrip("/"),
            service_url=environment["LABYARD_SERVICE_URL"],
            login_path=environment["LABYARD_LOGIN_PATH"],
            cookie_name=environment["LABYARD_SESSION_COOKIE"],
            origin=environment["LABYARD_ORIGIN"],
            separate=environment.get("LABYARD_ORIGINS") == "separate",
            host=environment.get("LABYARD_MLFLOW_HOST", "127.0.0.1"),
            artifact_store=environment.get("LABYARD_MLFLOW_ARTIFACTS") or None,
            database_server=environment.get("LABYARD_MLFLOW_DATABASE_URL") or None,
        )

    @property
    def sqlite_file(self) -> Path | None:
        """The SQLite file; None: the records are on a server."""
        return self.folder / "mlflow.db" if self.database_server is None else None

    @property
    def database_url(self) -> str:
        """Where the records are, for SQLAlchemy. From version 2.1 on it would take another driver than the image has, unless one is named."""
        if self.database_server is None:
            return f"sqlite:///{self.sqlite_file}"
        return self.database_server.replace("postgresql://", "postgresql+psycopg2://", 1)

    @property
    def artifacts(self) -> Path:
        """What runs have written."""
        return self.folder / "artifacts"


def apply(configuration: Configuration) -> None:
    """Set what MLflow reads from the environment, here and in the workers. Call it before MLflow is imported."""
    os.environ.update({
        "_MLFLOW_SERVER_FILE_STORE": configuration.database_url,
        "_MLFLOW_SERVER_REGISTRY_STORE": configuration.database_url,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": configuration.artifact_store or str(configuration.artifacts),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_STATIC_PREFIX": configuration.prefix,
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
        "MLFLOW_TRACKING_URI": configuration.database_url,
        "MLFLOW_WORKSPACE_STORE_URI": configuration.database_url,
        "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE": str(round(EVERY_SECONDS)),  # a connection reads SQLite's statistics when it is made
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        # Host, origin and framing are the gateway's: MLflow's own rules would let pages of every port of this machine read with a browser's cookie.
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
    })  # fmt: skip
