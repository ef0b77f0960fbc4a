"""The labyard service's process."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from labyard_hub.config.origins import origins_environment
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.supervisor.hub import base_environment
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["service_process"]

SERVICE_NAME = "labyard"


def service_process(state: StateFolder, platform: Platform) -> ProcessSpec:
    """Return the process, with the environment that JupyterHub gives to the services it starts itself."""
    path = urlsplit(platform.service_url).path
    return ProcessSpec(
        name="service",
        argv=(sys.executable, "-m", "labyard_hub.main", "--state-dir", str(state.root)),
        env={
            **base_environment(state),
            "JUPYTERHUB_API_TOKEN": state.secret("service_token"),
            "JUPYTERHUB_API_URL": platform.hub_api_url,
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": f"service-{SERVICE_NAME}",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{path}oauth/callback",
            "JUPYTERHUB_SERVICE_NAME": SERVICE_NAME,
            "JUPYTERHUB_SERVICE_PREFIX": path,
            **origins_environment(platform.origins),
            "LABYARD_SERVICE_PORT": str(urlsplit(platform.service_url).port),
        },
        ready_url=f"{platform.service_url}api/v1/health",
        start_timeout_seconds=60,
    )
