"""What a server needs so that ``import mlflow`` works in it with no set-up."""

from __future__ import annotations

from pathlib import Path

from labyard_hub.config.platform import Platform

__all__ = ["client_environment"]

CLIENT = Path(__file__).parent.parent / "sidecars" / "client"


def client_environment(platform: Platform) -> dict[str, str]:
    """Return what a single-user server needs beside ``MLFLOW_TRACKING_TOKEN``, which is the server's own hub token.

    The workspace is not among it: a request that names none means the caller's own.
    """
    return {
        "LABYARD_MLFLOW_URL": platform.mlflow_url.rstrip("/"),
        "MLFLOW_TRACKING_URI": platform.mlflow_url.rstrip("/"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
        # A folder with one module and its entry point, for every Python that a user starts here, environments of their own included.
        "PYTHONPATH": str(CLIENT),
    }
