"""What a server needs so that ``import mlflow`` works in it with no set-up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyterhub import orm

from labyard_hub.config.platform import Platform
from labyard_hub.domain.scopes import MLFLOW_SCOPE

__all__ = ["CLIENT", "client_environment", "end_token", "new_token", "tracking_url"]

CLIENT = Path(__file__).parent.parent / "notebook_client"


def new_token(spawner: Any) -> dict[str, str]:
    """Make a token that opens MLflow alone as the server's owner, and return the variables that hold it.

    ``MLFLOW_TRACKING_TOKEN`` would go to every address that a script names; our plug-in for MLflow's client sends this one to the platform's address alone.
    """
    end_token(spawner)
    # It has no part of the server's OAuth client: JupyterHub lets each token of such a client into the server.
    token = orm.APIToken.new(user=spawner.user.orm_user, scopes=[MLFLOW_SCOPE], note=_note(spawner))
    return {"LABYARD_MLFLOW_TOKEN": token, "MLFLOW_TRACKING_AUTH": "labyard"}


def end_token(spawner: Any) -> None:
    """Delete the token of a server that has ended, or that a killed hub left behind."""
    database = spawner.user.db
    for token in database.query(orm.APIToken).filter_by(user_id=spawner.user.orm_user.id, note=_note(spawner)):
        database.delete(token)
    database.commit()


def _note(spawner: Any) -> str:
    return f"MLflow in {spawner.user.name}/{spawner.name}"


def client_environment(platform: Platform, projects: Path) -> dict[str, str]:
    """Return what a single-user server needs beside the token of `new_token`.

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
