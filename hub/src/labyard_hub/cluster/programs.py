"""What each container becomes: the programs that the supervisor starts on one machine, with a cluster's addresses."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from labyard_hub.backends.assets.bundle import IMAGE_FOLDER
from labyard_hub.cluster.state import prepare_state
from labyard_hub.config.cluster import ClusterAddresses
from labyard_hub.config.loader import Configuration
from labyard_hub.config.origins import origins_environment
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import StateFolderError
from labyard_hub.services.sessions import SESSION_COOKIE
from labyard_hub.supervisor.mlflow import MLFLOW_SERVER
from labyard_hub.supervisor.service import SERVICE_NAME

__all__ = ["Program", "hub", "mlflow", "proxy_agent", "service"]

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  # a pod's own addresses; network policies say who comes
MLFLOW_PYTHON = "/opt/labyard/environments/mlflow/bin/python"


@dataclass(frozen=True)
class Program:
    """What a process becomes.

    Attributes
    ----------
    argv
        The program's path, and its arguments.
    env
        Its whole environment.
    """

    argv: tuple[str, ...]
    env: dict[str, str]


def hub(environment: Mapping[str, str]) -> Program:
    """Return JupyterHub, with the set-up link in the log where nobody administers yet."""
    state, configuration = prepare_state(environment)
    if configuration.settings.login.is_local:
        _announce_setup(state, configuration, ClusterAddresses.from_environment(environment))
    _tell_commands(state, ClusterAddresses.from_environment(environment))
    file = Path(__file__).parent.parent / "hub_process" / "pods" / "jupyterhub_config.py"
    debug = ("--debug",) if environment.get("LABYARD_DEBUG") else ()
    return Program(
        (sys.executable, "-m", "labyard_hub.hub_process.scale.app", f"--config={file}", *debug), _environment(environment, state)
    )


def service(environment: Mapping[str, str]) -> Program:
    """Return the labyard service, with the environment that JupyterHub gives to the services it starts itself."""
    state, _ = prepare_state(environment)
    addresses = ClusterAddresses.from_environment(environment)
    url = urlsplit(addresses.service_url)
    return Program(
        (sys.executable, "-m", "labyard_hub.main", "--state-dir", str(state.root)),
        {
            "LABYARD_ASSETS_DIR": str(IMAGE_FOLDER),
            **_environment(environment, state),
            "JUPYTERHUB_API_TOKEN": state.secret("service_token"),
            "JUPYTERHUB_API_URL": f"{addresses.hub_url}/hub/api",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": f"service-{SERVICE_NAME}",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{url.path}oauth/callback",
            "JUPYTERHUB_SERVICE_NAME": SERVICE_NAME,
            "JUPYTERHUB_SERVICE_PREFIX": url.path,
            **origins_environment(addresses.origins),
            "LABYARD_SERVICE_HOST": environment.get("LABYARD_LISTEN", EVERY_ADDRESS),
            "LABYARD_SERVICE_PORT": str(url.port),
        },
    )


def mlflow(environment: Mapping[str, str]) -> Program:
    """Return the MLflow server behind its gateway; it runs in MLflow's own environment of the image."""
    state, configuration = prepare_state(environment)
    addresses = ClusterAddresses.from_environment(environment)
    url = urlsplit(addresses.mlflow_url)
    python = environment.get("LABYARD_MLFLOW_PYTHON", MLFLOW_PYTHON)
    return Program(
        (python, "-m", "mlflow_gateway"),
        {
            **_environment(environment, state),
            "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(MLFLOW_SERVER),
            "PYTHONWARNINGS": "ignore",  # MLflow's own deprecations are not the operator's to mend
            "LABYARD_MLFLOW_FOLDER": str(state.mlflow),
            "LABYARD_MLFLOW_HOST": environment.get("LABYARD_LISTEN", EVERY_ADDRESS),
            "LABYARD_MLFLOW_PORT": str(url.port),
            "LABYARD_MLFLOW_PREFIX": url.path,
            "LABYARD_MLFLOW_WORKERS": str(configuration.settings.mlflow.workers),
            "LABYARD_LOGIN_PATH": f"{urlsplit(addresses.service_url).path}login",
            "LABYARD_SESSION_COOKIE": addresses.origins.cookie_prefix + SESSION_COOKIE,
            **origins_environment(addresses.origins),
        },
    )


def proxy_agent(environment: Mapping[str, str]) -> Program:
    """Return the agent that tells HAProxy of the hub's routes. It reads no settings, so that no mistake in them closes the way in.

    Raises
    ------
    StateFolderError
        If the secret is not mounted.
    """
    secret = Path(environment["LABYARD_SECRETS_DIR"]) / "proxy_api_password"
    try:
        token = secret.read_text().strip()
    except OSError as error:
        raise StateFolderError(secret, error.strerror or str(error)) from error
    env = {"LANG": "C.UTF-8", **environment, "HOME": environment["LABYARD_PROXY_DIR"], "CONFIGPROXY_AUTH_TOKEN": token}
    return Program((sys.executable, "-m", "labyard_hub.proxy_agent"), env)


def _environment(environment: Mapping[str, str], state: StateFolder) -> dict[str, str]:
    # What the operator has set for the pod is meant for the program. The image's own home cannot be written.
    return {"LANG": "C.UTF-8", **environment, "HOME": str(state.run_private)}


def _tell_commands(state: StateFolder, addresses: ClusterAddresses) -> None:
    """Write where the hub is reached, for ``labyard user`` in this pod."""
    hub, service, mlflow = (urlsplit(one).port or 80 for one in (addresses.hub_url, addresses.service_url, addresses.mlflow_url))
    proxy = urlsplit(addresses.proxy_api_url).port or 80
    Platform(addresses.public_url, "http://127.0.0.1:8000/", hub, service, mlflow, proxy, ready=True).write(state)


def _announce_setup(state: StateFolder, configuration: Configuration, addresses: ClusterAddresses) -> None:
    from labyard_hub.storage.identity import IdentityStore  # noqa: PLC0415  # argon2 and SQLite are not for the others

    store = IdentityStore(state.identity_database)
    if any(user.admin for user in store.list_users()):
        return
    lifetime = configuration.settings.sign_in.setup_lifetime_seconds
    link = f"{addresses.public_url}hub/setup?token={store.ensure_setup_token(lifetime)}"
    print(f"First time here. Choose the administrator at this link, which works once, for {lifetime / 3600:g} h: {link}", flush=True)  # noqa: T201  # the pod's log
