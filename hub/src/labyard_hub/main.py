"""``python -m labyard_hub.main``: the labyard service as a process."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from labyard_hub.backends.hub_api import Hub
from labyard_hub.config.state import StateFolder
from labyard_hub.factory import create_app
from labyard_hub.handlers.dependencies import Parts, ServiceSettings
from labyard_hub.services.authentication import Authentication
from labyard_hub.services.sessions import Sessions

__all__ = ["build", "main"]


def build(state: StateFolder, environment: Mapping[str, str]) -> FastAPI:
    """Return the application for `state`, with what JupyterHub tells its services in `environment`.

    Raises
    ------
    KeyError
        If something is missing there.
    """
    settings = ServiceSettings(
        base_url=environment["JUPYTERHUB_BASE_URL"],
        prefix=environment["JUPYTERHUB_SERVICE_PREFIX"],
        origin=environment["LABYARD_ORIGIN"],
    )
    client = httpx.AsyncClient(trust_env=False)
    hub = Hub(
        client,
        api_url=environment["JUPYTERHUB_API_URL"],
        base_url=settings.base_url,
        client_id=environment["JUPYTERHUB_CLIENT_ID"],
        api_token=environment["JUPYTERHUB_API_TOKEN"],
        redirect_path=environment["JUPYTERHUB_OAUTH_CALLBACK_URL"],
    )

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with client:
            yield

    parts = Parts(settings, hub, Authentication(hub), Sessions(state.secret("service_cookie_secret")), state.generation)
    return create_app(parts, resources=resources)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="labyard_hub.main", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="the state folder")
    arguments = parser.parse_args()
    uvicorn.run(
        build(StateFolder(arguments.state_dir), os.environ),
        host="127.0.0.1",
        port=int(os.environ["LABYARD_SERVICE_PORT"]),
        proxy_headers=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
        # Longer than the proxy keeps a connection, 90 s: one that closes at this end may swallow a request.
        timeout_keep_alive=120,
    )


if __name__ == "__main__":
    main()
