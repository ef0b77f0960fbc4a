"""The labyard service's process."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.supervisor.hub import base_environment
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["origin_of", "service_process"]

SERVICE_NAME = "labyard"


def origin_of(url: str) -> str:
    """Return scheme, host and port of `url` as a browser writes them in its ``Origin`` header."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")


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
            "LABYARD_ORIGIN": origin_of(platform.url),
            "LABYARD_SERVICE_PORT": str(urlsplit(platform.service_url).port),
        },
        ready_url=f"{platform.service_url}api/v1/health",
        start_timeout_seconds=60,
    )
