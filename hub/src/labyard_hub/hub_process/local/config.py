"""From settings to JupyterHub's ``c``, one function per topic."""

from __future__ import annotations

import os
import shutil
import sys
from collections import ChainMap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tornado.log import app_log
from traitlets.config.loader import LazyConfigValue

from labyard_hub.backends.assets.bundle import read_page_assets
from labyard_hub.backends.local.accounts import isolates
from labyard_hub.backends.local.environments import EnvironmentStore, kernels, label_studio_template
from labyard_hub.backends.local.runtime import proxy_socket
from labyard_hub.backends.local.server_fork import single_user_fork_server, single_user_program
from labyard_hub.config.loader import Configuration, parse_configuration
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import Settings
from labyard_hub.config.state import StateFolder
from labyard_hub.hub_process.common_config import SERVER_TOKEN_SCOPES, configure_hub, configure_origins, configure_services
from labyard_hub.hub_process.disk_use import DiskUse
from labyard_hub.hub_process.local.capacity import LocalCapacity
from labyard_hub.hub_process.local.removed_people import LocalRemovedPeople
from labyard_hub.hub_process.local.spawner import LabyardSpawner
from labyard_hub.hub_process.login.config import configure_login
from labyard_hub.hub_process.mlflow_client import client_environment
from labyard_hub.hub_process.pages import page_settings
from labyard_hub.hub_process.proxy import LabyardProxy
from labyard_hub.hub_process.removed_people import REMOVED_PEOPLE
from labyard_hub.hub_process.scale.database_errors import explain_database_errors
from labyard_hub.hub_process.starting.grants import Starts
from labyard_hub.hub_process.starting.spawner import DEFAULT_URLS

__all__ = ["configure", "configure_from_state", "open_fork_server"]


def configure_from_state(c: Any, root: Path) -> Sequence[Path]:
    """Configure the hub of the state folder `root`, and return the operator's own files, to be read after."""
    state = StateFolder(root)
    configuration = parse_configuration(state.configuration_file.read_text())
    platform = Platform.read(state)
    if platform is None:
        raise RuntimeError(f"{Platform.file(state)} is missing: start the hub with `labyard up`")
    configure(c, state, configuration, platform)
    return configuration.hub_files


def configure(c: Any, state: StateFolder, configuration: Configuration, platform: Platform) -> None:
    """Set everything on JupyterHub's configuration object `c`."""
    settings = configuration.settings
    explain_database_errors()
    configure_hub(c, state, settings)
    configure_origins(c, platform.origins)
    _hub(c, state, platform)
    _proxy(c, state, settings)
    _sign_in(c, state, platform, settings)
    configure_services(c, state, settings)
    _servers(c, state, platform, settings)
    c.JupyterHub.tornado_settings[REMOVED_PEOPLE] = LocalRemovedPeople(
        state, isolated=isolates(settings.servers.isolation), keep_seconds=settings.trash.lifetime_seconds
    )


def _hub(c: Any, state: StateFolder, platform: Platform) -> None:
    hub = c.JupyterHub
    hub.bind_url = platform.bind_url
    hub.hub_bind_url = f"http://127.0.0.1:{platform.hub_port}"
    hub.db_url = f"sqlite:///{state.hub / 'jupyterhub.sqlite'}"


def _proxy(c: Any, state: StateFolder, settings: Settings) -> None:
    c.JupyterHub.proxy_class = LabyardProxy
    proxy = c.LabyardProxy
    proxy.should_start = False
    # The routes of the services are the proxy's own. The hub would wait for each that has a URL before it adds any route, up to 30 s each.
    proxy.folder = str(state.run_private)
    proxy.socket = str(proxy_socket(state))
    if settings.listen.tls_certificate is not None:
        c.JupyterHub.ssl_cert = str(settings.listen.tls_certificate)
        c.JupyterHub.ssl_key = str(settings.listen.tls_key)


def _sign_in(c: Any, state: StateFolder, platform: Platform, settings: Settings) -> None:
    configure_login(
        c,
        settings.login,
        settings.sign_in,
        state_dir=state.root,
        hub_url=f"{platform.url}hub/",
        crypt_key=None if settings.login.is_local else bytes.fromhex(state.secret("auth_state_key")),
    )
    for name, value in page_settings(settings, platform.origins, read_page_assets(state.page_file)).items():
        setattr(c.JupyterHub, name, value)


def _servers(c: Any, state: StateFolder, platform: Platform, settings: Settings) -> None:
    servers = settings.servers
    c.JupyterHub.spawner_class = LabyardSpawner
    spawner = c.LabyardSpawner
    spawner.state_dir = str(state.root)
    spawner.isolated = isolates(servers.isolation)
    starts = Starts(settings)
    starts.capacity = LocalCapacity(starts.reserved)
    starts.disk = DiskUse(state)
    spawner.starts = starts
    spawner.process_limit = servers.process_limit
    spawner.warm_start = servers.warm_start
    spawner.cmd = [str(single_user_program())]
    if os.geteuid() == 0 and not spawner.isolated:
        spawner.args = ["--allow-root"]  # asked for by `isolation: off`; `labyard up` has said what it means
    spawner.default_url = DEFAULT_URLS["lab"]
    spawner.start_timeout = int(servers.start_timeout_seconds)
    spawner.http_timeout = int(servers.start_timeout_seconds)
    spawner.term_timeout = 10
    spawner.env_keep = ["LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"]
    spawner.server_token_scopes = list(SERVER_TOKEN_SCOPES)
    spawner.base_environment = {
        **_server_environment(state, platform, settings),
        **{name: value.get_secret_value() for name, value in settings.environment.items()},
    }


def open_fork_server(c: Any, root: Path) -> None:
    """Start the fork server for all servers. Call it last: its environment is what they have in common."""
    if c.LabyardSpawner.warm_start:
        kept = {name: os.environ[name] for name in c.LabyardSpawner.env_keep if name in os.environ}
        values = [section["environment"] for section in (c.Spawner, c.LabyardSpawner) if "environment" in section]
        added = ChainMap(*(value.get_value({}) if isinstance(value, LazyConfigValue) else value for value in reversed(values)))
        environment = {
            **kept,
            **c.LabyardSpawner.base_environment,
            **{name: value for name, value in added.items() if isinstance(value, str)},
            "HOME": str(StateFolder(root).run_private),
        }
        LabyardSpawner.fork_server = single_user_fork_server(environment, app_log)
        LabyardSpawner.fork_server.prepare()


def _server_environment(state: StateFolder, platform: Platform, settings: Settings) -> dict[str, str]:
    environments = EnvironmentStore(settings.tools.environments_directory or EnvironmentStore.default(state.root).folder)
    workbench = environments.path("workbench")
    template = label_studio_template(environments)
    nvidia = shutil.which("nvidia-smi")
    return {
        "PATH": f"{workbench / 'bin'}:{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        + (f":{Path(nvidia).parent}" if nvidia else ""),
        "JUPYTER_PATH": str(kernels(workbench, isolated=isolates(settings.servers.isolation))),
        "LABYARD_TOOLS_FILE": str(state.tools_file),
        "LABYARD_PAGE_FILE": str(state.page_file),
        "LABYARD_ISOLATED": "1" if isolates(settings.servers.isolation) else "0",
        **({"LABYARD_LABEL_STUDIO_TEMPLATE": str(template)} if template.exists() else {}),
        "LABYARD_USER_TOOLS": "1" if settings.tools.user_tools else "0",
        "LABYARD_SERVICE_URL": platform.service_url,
        **client_environment(platform, state.projects),
        "DO_NOT_TRACK": "true",
    }
