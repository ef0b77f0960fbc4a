"""From settings to JupyterHub's ``c`` on a cluster, one function per topic. What is the same on one machine is in `common_config`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labyard_hub.backends.assets.bundle import IMAGE_FOLDER, PageAssets, image_assets
from labyard_hub.backends.kubernetes.environment import common_environment
from labyard_hub.backends.kubernetes.pod import COMPONENT, PORT, common_labels
from labyard_hub.backends.kubernetes.volumes import home_claim
from labyard_hub.config.cluster import ClusterAddresses, ClusterSettings
from labyard_hub.config.loader import Configuration, load_configuration
from labyard_hub.config.settings import Settings
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import ConfigurationError
from labyard_hub.hub_process.common_config import SERVER_TOKEN_SCOPES, configure_hub, configure_origins, configure_services
from labyard_hub.hub_process.login.config import configure_login
from labyard_hub.hub_process.memberships import Memberships
from labyard_hub.hub_process.pages import page_settings
from labyard_hub.hub_process.pods.agent_watch import WatchedHttpProxy
from labyard_hub.hub_process.pods.capacity import ClusterCapacity
from labyard_hub.hub_process.pods.homes import Homes
from labyard_hub.hub_process.pods.live_starts import LiveStarts
from labyard_hub.hub_process.pods.removed_people import ClusterRemovedPeople
from labyard_hub.hub_process.pods.spawner import LabyardKubeSpawner
from labyard_hub.hub_process.removed_people import REMOVED_PEOPLE
from labyard_hub.hub_process.scale.database_errors import explain_database_errors
from labyard_hub.hub_process.starting.spawner import DEFAULT_URLS

__all__ = ["configure_cluster", "configure_from_environment"]

HTTP_TIMEOUT_SECONDS = 60
POLL_SECONDS = 10
"""How soon a pod that has ended is noticed. Pods are in the hub's memory, so looking costs nothing."""


def configure_from_environment(c: Any, environment: Mapping[str, str]) -> Sequence[Path]:
    """Configure the hub by what the chart has set, and return the operator's own files, to be read after.

    Raises
    ------
    ConfigurationError
        If the configuration is not for a cluster.
    KeyError
        If a variable is missing.
    """
    source = Path(environment["LABYARD_CONFIG"])
    configuration = load_configuration(source)
    if configuration.settings.cluster is None:
        raise ConfigurationError(source, None, "it has no section `cluster`, without which servers would run as processes of this pod")
    state = StateFolder(Path(environment["LABYARD_STATE_DIR"]))
    assets = image_assets(Path(environment.get("LABYARD_ASSETS_DIR") or IMAGE_FOLDER))
    configure_cluster(c, state, configuration, ClusterAddresses.from_environment(environment), assets)
    if live := environment.get("LABYARD_LIVE_CONFIG"):
        c.LabyardKubeSpawner.starts.follow(Path(live))
    folder = environment.get("LABYARD_HUB_FILES")
    return [*configuration.hub_files, *(sorted(Path(folder).glob("*.py")) if folder else ())]


def configure_cluster(
    c: Any, state: StateFolder, configuration: Configuration, addresses: ClusterAddresses, assets: PageAssets | None = None
) -> None:
    """Set everything on JupyterHub's configuration object `c`.

    Parameters
    ----------
    assets
        What the service has of JupyterLab's files for all servers; None: each serves its own.
    """
    settings = configuration.settings
    cluster = settings.cluster or ClusterSettings()
    explain_database_errors()
    configure_hub(c, state, settings)
    configure_origins(c, addresses.origins)
    _hub(c, state, addresses)
    _proxy(c, state, addresses)
    _sign_in(c, state, settings, addresses, assets)
    configure_services(c, state, settings)
    _metrics(c, state)
    _servers(c, settings, cluster, addresses, assets)
    _pods(c, cluster, addresses)
    homes = Homes(c.LabyardKubeSpawner.namespace, cluster.home, settings.trash.lifetime_seconds)
    c.LabyardKubeSpawner.homes = homes
    c.JupyterHub.tornado_settings[REMOVED_PEOPLE] = ClusterRemovedPeople(homes)


def _hub(c: Any, state: StateFolder, addresses: ClusterAddresses) -> None:
    hub = c.JupyterHub
    hub.bind_url = "http://:8000/"  # its path counts; the proxy listens where the chart says
    hub.hub_bind_url = f"http://{addresses.listen}:{urlsplit(addresses.hub_url).port or 8081}"
    hub.hub_connect_url = addresses.hub_url
    # The password comes by PGPASSWORD where the address has none.
    hub.db_url = addresses.hub_database_url or f"sqlite:///{state.hub / 'jupyterhub.sqlite'}"


def _proxy(c: Any, state: StateFolder, addresses: ClusterAddresses) -> None:
    # The routes of our own services are the proxy's: the hub would wait for each of them before it adds any route.
    c.JupyterHub.proxy_class = WatchedHttpProxy
    proxy = c.ConfigurableHTTPProxy
    proxy.should_start = False
    proxy.api_url = addresses.proxy_api_url
    proxy.auth_token = state.secret("proxy_api_password")


def _sign_in(c: Any, state: StateFolder, settings: Settings, addresses: ClusterAddresses, assets: PageAssets | None) -> None:
    configure_login(
        c,
        settings.login,
        settings.sign_in,
        state_dir=state.root,
        hub_url=f"{addresses.public_url}hub/",
        crypt_key=None if settings.login.is_local else bytes.fromhex(state.secret("auth_state_key")),
    )
    for name, value in page_settings(settings, addresses.origins, assets).items():
        setattr(c.JupyterHub, name, value)


def _metrics(c: Any, state: StateFolder) -> None:
    # The token that Prometheus reads the hub's metrics with opens nothing else.
    c.JupyterHub.services.append({"name": "metrics", "api_token": state.secret("metrics_token"), "display": False})
    c.JupyterHub.load_roles.append({"name": "metrics", "scopes": ["read:metrics"], "services": ["metrics"]})


def _servers(c: Any, settings: Settings, cluster: ClusterSettings, addresses: ClusterAddresses, assets: PageAssets | None) -> None:
    c.JupyterHub.spawner_class = LabyardKubeSpawner
    spawner = c.LabyardKubeSpawner
    starts = LiveStarts(settings)
    starts.capacity = ClusterCapacity(cluster)
    spawner.starts = starts
    spawner.cluster = cluster
    spawner.memberships = Memberships(addresses.service_url)
    spawner.base_environment = common_environment(settings, addresses, assets)
    spawner.server_token_scopes = list(SERVER_TOKEN_SCOPES)
    spawner.default_url = DEFAULT_URLS["lab"]
    spawner.start_timeout = int(cluster.schedule_timeout_seconds + cluster.pull_timeout_seconds + HTTP_TIMEOUT_SECONDS)
    spawner.http_timeout = HTTP_TIMEOUT_SECONDS
    spawner.poll_interval = POLL_SECONDS


def _pods(c: Any, cluster: ClusterSettings, addresses: ClusterAddresses) -> None:
    spawner = c.LabyardKubeSpawner
    spawner.namespace = cluster.namespace or addresses.namespace
    spawner.slug_scheme = "safe"
    spawner.pod_name_template = "server-{user_server}"
    spawner.component_label = COMPONENT
    spawner.common_labels = common_labels(cluster)
    spawner.cmd = ["labyard-singleuser"]
    spawner.port = PORT
    for name, value in home_claim(cluster).items():
        setattr(spawner, name, value)
