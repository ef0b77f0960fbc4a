"""What a server needs so that ``import mlflow`` works in it with no set-up."""

from __future__ import annotations

from pathlib import Path

from labyard_hub.config.platform import Platform

__all__ = ["CLIENT", "client_environment", "tracking_url"]

CLIENT = Path(__file__).parent.parent / "sidecars" / "client"


def client_environment(platform: Platform, projects: Path) -> dict[str, str]:
    """Return what a single-user server needs beside ``MLFLOW_TRACKING_TOKEN``, which is the server's own hub token.

    The workspace is not among it: a request that names none means the caller's own, and our plug-in names a project's by where code runs.

    Parameters
    ----------
    projects
        The folder that has a folder per project.
    """
    url = tracking_url(platform)
    return {
        "LABYARD_MLFLOW_URL": url,
        "LABYARD_PROJECTS_DIR": str(projects),
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
        "MLFLOW_NOTEBOOK_TRACE_RENDERER_BASE_URL": f"{platform.url}services/mlflow",  # a frame in a notebook, so the browser's address
        # A folder with one package and its entry points, for every Python that a user starts here, environments of their own included.
        "PYTHONPATH": str(CLIENT),
    }


def tracking_url(platform: Platform) -> str:
    """Return where programs on this machine reach MLflow: by the proxy, so that the links that MLflow prints can be opened in a browser.

    With TLS they go to MLflow's own port, since they may not trust the certificate; the printed links then work on this machine only.
    """
    scheme, _, address = platform.bind_url.partition("://")
    if scheme == "https":
        return platform.mlflow_url.rstrip("/")
    host, _, port = address.rstrip("/").rpartition(":")
    reachable = "127.0.0.1" if host in ("0.0.0.0", "[::]") else host  # noqa: S104  # compared, not bound
    return f"http://{reachable}:{port}/services/mlflow"
