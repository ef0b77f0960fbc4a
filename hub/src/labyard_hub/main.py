"""``python -m labyard_hub.main``: the labyard service as a process."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import structlog
import uvicorn
from fastapi import FastAPI

from labyard.exceptions import LabyardError
from labyard_hub.backends.assets.bundle import assets_folder
from labyard_hub.backends.hub_api import Hub
from labyard_hub.backends.hub_directory import HubDirectory
from labyard_hub.backends.hub_generations import HubGenerations
from labyard_hub.backends.hub_servers import HubServers
from labyard_hub.backends.kubernetes.project_files import ClusterProjectFiles, keep_mounts
from labyard_hub.backends.local.accounts import isolates
from labyard_hub.backends.local.project_files import LocalProjectFiles
from labyard_hub.backends.local.project_keeper import keep_project_files
from labyard_hub.config.loader import parse_configuration
from labyard_hub.config.logs import configure_logs
from labyard_hub.config.origins import Origins
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.loops import repeat
from labyard_hub.factory import Backends, create_app, create_services
from labyard_hub.handlers.assets import Assets
from labyard_hub.handlers.dependencies import ServiceSettings
from labyard_hub.services.members import Members
from labyard_hub.services.protocols import UserDirectory
from labyard_hub.storage.database import Database
from labyard_hub.storage.directory import IdentityDirectory
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.storage.store import Store
from labyard_hub.supervisor.output import keep_printing

__all__ = ["build", "main"]

_log = structlog.get_logger("labyard.service")

GONE_SECONDS = 5.0
"""How often to look for members who left the platform. They have no rights in between either, since the next of that name is another person."""


def build(state: StateFolder, environment: Mapping[str, str]) -> FastAPI:
    """Return the application for `state`, with what JupyterHub tells its services in `environment`.

    Raises
    ------
    KeyError
        If something is missing there.
    """
    origins = Origins(environment["LABYARD_ORIGIN"] + "/", environment["LABYARD_ORIGINS"] == "separate")
    settings = ServiceSettings(
        base_url=environment["JUPYTERHUB_BASE_URL"],
        prefix=environment["JUPYTERHUB_SERVICE_PREFIX"],
        origins=origins,
    )
    configured = parse_configuration(state.configuration_file.read_text()).settings
    client = httpx.AsyncClient(trust_env=False)
    generations: HubGenerations | None = None
    if configured.cluster is not None:
        generations = HubGenerations(client, api_url=environment["JUPYTERHUB_API_URL"], api_token=environment["JUPYTERHUB_API_TOKEN"])
    hub = Hub(
        client,
        api_url=environment["JUPYTERHUB_API_URL"],
        base_url=settings.base_url,
        client_id=environment["JUPYTERHUB_CLIENT_ID"],
        api_token=environment["JUPYTERHUB_API_TOKEN"],
        redirect_path=environment["JUPYTERHUB_OAUTH_CALLBACK_URL"],
        on_known=generations.refresh if generations is not None else None,
    )

    database = Database(configured.database.url_for(state.database))
    servers = HubServers(
        client,
        api_url=environment["JUPYTERHUB_API_URL"],
        base_url=settings.base_url,
        api_token=environment["JUPYTERHUB_API_TOKEN"],
    )
    directory: UserDirectory
    if configured.login.is_local and configured.cluster is None:
        directory = IdentityDirectory(IdentityStore(state.identity_database))
    else:
        directory = HubDirectory(client, api_url=environment["JUPYTERHUB_API_URL"], api_token=environment["JUPYTERHUB_API_TOKEN"])
    files = LocalProjectFiles(
        state, isolated=isolates(configured.servers.isolation), trash_lifetime_seconds=configured.trash.lifetime_seconds
    )
    project_files = files if configured.cluster is None else ClusterProjectFiles(files, servers)
    backends = Backends(
        hub, Store(database), project_files, servers, directory, generations.of if generations is not None else state.generation
    )
    services, enforcement = create_services(
        settings,
        backends,
        session_secret=state.secret("service_cookie_secret"),
        link_secret=state.secret("link_secret"),
        login_secret=state.secret("cli_login_token"),
        projects_per_user=configured.projects.per_user,
    )

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with client:
            await database.migrate()
            stop = asyncio.Event()
            loops = asyncio.gather(
                enforcement.run(stop),
                repeat(partial(_forget_the_gone, services.members), stop, every_seconds=GONE_SECONDS),
                keep_project_files(files, enforcement.desired, stop),
                *([] if configured.cluster is None else [keep_mounts(servers, enforcement.desired, stop)]),
                *([] if generations is None else [generations.keep(stop)]),
                return_exceptions=True,
            )
            try:
                yield
            finally:
                stop.set()
                await loops
                await database.close()

    return create_app(services, resources=resources)


async def _forget_the_gone(members: Members) -> None:
    """Take people who left the platform out of their projects."""
    try:
        await members.forget_the_gone()
    except LabyardError as error:  # the database, or a disk: the next time
        _log.warning("members who left the platform could not be looked for", problem=error.message)
    except Exception:  # noqa: BLE001  # whatever it is, it must be looked again
        _log.exception("members who left the platform could not be looked for")


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="labyard_hub.main", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="the state folder")
    arguments = parser.parse_args()
    configure_logs()
    keep_printing()  # an error on a full disk is answered though its line in the log is lost
    app = build(StateFolder(arguments.state_dir), os.environ)
    uvicorn.run(
        Assets(app, Path(os.environ.get("LABYARD_ASSETS_DIR") or assets_folder(arguments.state_dir))),
        host=os.environ.get("LABYARD_SERVICE_HOST", "127.0.0.1"),
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
