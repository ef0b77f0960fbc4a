"""The variables that a pod gets beside JupyterHub's own; what belongs to the image is in the image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from labyard_hub.backends.assets.bundle import PageAssets
from labyard_hub.backends.kubernetes.volumes import HOME, PROJECTS, Mount
from labyard_hub.config.cluster import ClusterAddresses
from labyard_hub.config.settings import Settings

__all__ = ["common_environment", "literal", "person_environment", "project_environment"]

JUPYTER = "/opt/labyard/jupyter"
"""Where images have the configuration of servers."""


def common_environment(settings: Settings, addresses: ClusterAddresses, assets: PageAssets | None = None) -> dict[str, str]:
    """Return what every server gets.

    Parameters
    ----------
    assets
        What the service has of JupyterLab's files. A server takes of it what is the very same as its own.
    """
    mlflow = addresses.mlflow_url.rstrip("/")
    return {
        "LABYARD_SERVICE_URL": addresses.service_url,
        "LABYARD_USER_TOOLS": "1" if settings.tools.user_tools else "0",
        "LABYARD_MLFLOW_URL": mlflow,
        "LABYARD_PROJECTS_DIR": PROJECTS,
        **({"LABYARD_PAGE": _page(assets)} if assets is not None else {}),
        "MLFLOW_TRACKING_URI": mlflow,
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
        "MLFLOW_NOTEBOOK_TRACE_RENDERER_BASE_URL": f"{addresses.public_url}services/mlflow",
        **{name: value.get_secret_value() for name, value in settings.environment.items()},
    }


def _page(assets: PageAssets) -> str:
    return json.dumps({"url": assets.url, "extensions": assets.extensions, "mains": assets.mains}, separators=(",", ":"))


def person_environment(user: str, mounts: Sequence[Mount]) -> dict[str, str]:
    """Return what a person's own server gets."""
    links = {one.name: one.project_id for one in mounts}
    return {"USER": user, "LOGNAME": user, "LABYARD_PROJECT_LINKS": json.dumps(links, sort_keys=True)}


def project_environment(project_id: str) -> dict[str, str]:
    """Return what a project's own server gets."""
    folder = f"{PROJECTS}/{project_id}"
    return {
        "USER": project_id,
        "LOGNAME": project_id,
        "HOME": HOME,
        "JUPYTERHUB_ROOT_DIR": f"{folder}/files",
        "JUPYTER_CONFIG_PATH": f"{JUPYTER}/project:{JUPYTER}",
        "LABYARD_PROJECT": project_id,
        "PYTHONNOUSERSITE": "1",
        "LABYARD_TOOL_DATA_DIR": f"{folder}/tools",
    }


def literal(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` so that Kubernetes takes each value as it is: ``$(NAME)`` would stand for another variable."""
    return {name: value.replace("$(", "$$(") for name, value in environment.items()}
