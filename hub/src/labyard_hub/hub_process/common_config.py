"""What both ways of running tell JupyterHub in the same words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from labyard_hub.config.origins import Origins, server_label
from labyard_hub.config.settings import Settings
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.command_line import LOGIN_CLIENT_ID, LOGIN_REDIRECT_PATH, LOGIN_SERVICE
from labyard_hub.domain.groups import groups_asked_for
from labyard_hub.domain.scopes import PROJECT_GROUP, PROJECTS_SCOPE, SERVICE_SCOPES, USE_SCOPE

__all__ = ["SERVER_TOKEN_SCOPES", "configure_hub", "configure_origins", "configure_services"]

TOKEN_LIFETIME_SECONDS = 365 * 86400
"""JupyterHub's own default is for ever."""

SERVER_TOKEN_SCOPES = ("users:activity!user", "access:servers!server", *SERVICE_SCOPES)
"""What a server's own token may do."""


def configure_hub(c: Any, state: StateFolder, settings: Settings) -> None:
    """Say how the hub treats servers and tokens."""
    if settings.login.is_local:  # a provider's groups come with the people
        c.LabyardHub.groups_asked_for = groups_asked_for(settings)
    hub = c.JupyterHub
    hub.cookie_secret = bytes.fromhex(state.secret("cookie_secret"))
    hub.data_files_path = str(Path(sys.prefix) / "share" / "jupyterhub")
    # Servers outlive the hub.
    hub.cleanup_servers = False
    hub.cleanup_proxy = False
    hub.redirect_to_server = False
    hub.allow_named_servers = True
    hub.named_server_limit_per_user = settings.servers.named_servers_per_user
    hub.last_activity_interval = 60
    # It looks after the servers that ran before in the background.
    hub.init_spawners_timeout = 0
    hub.activity_resolution = 10
    hub.token_expires_in_max_seconds = TOKEN_LIFETIME_SECONDS


def configure_origins(c: Any, origins: Origins) -> None:
    """Tell the hub its own address, and those of servers."""
    hub = c.JupyterHub
    hub.public_url = origins.url
    if origins.separate:
        hub.subdomain_host = origins.base
        hub.subdomain_hook = _server_host
    hub.cookie_host_prefix_enabled = bool(origins.cookie_prefix)


def _server_host(name: str, domain: str, kind: str) -> str:  # noqa: ARG001  # JupyterHub's signature
    return f"{server_label(name)}.{domain}"


def configure_services(c: Any, state: StateFolder, settings: Settings) -> None:
    """Name the services, and say what they and every user may do."""
    c.JupyterHub.services = [
        {
            "name": "labyard",
            "api_token": state.secret("service_token"),
            "oauth_client_id": "service-labyard",
            "oauth_redirect_uri": "/services/labyard/oauth/callback",
            "oauth_no_confirm": True,
            "display": False,
        },
        {
            "name": LOGIN_SERVICE,
            "api_token": state.secret("cli_login_token"),
            "oauth_client_id": LOGIN_CLIENT_ID,
            "oauth_redirect_uri": f"/services/labyard/{LOGIN_REDIRECT_PATH}",
            "oauth_client_allowed_scopes": list(SERVICE_SCOPES),
            "display": False,
        },
        {"name": "mlflow", "api_token": state.secret("mlflow_token"), "display": False},
        {"name": "cli", "api_token": state.secret("cli_token"), "display": False},
    ]
    c.JupyterHub.custom_scopes = {
        USE_SCOPE: {"description": "Use your projects and MLflow"},
        PROJECTS_SCOPE: {"description": "Make users that own projects' servers, and say who may visit a server"},
    }
    c.JupyterHub.load_roles = [
        {
            "name": "user",
            "description": "What every user may do",
            "scopes": ["self", *SERVICE_SCOPES, f"{USE_SCOPE}!user", f"access:services!service={LOGIN_SERVICE}"],
        },
        {
            "name": "project-servers",
            "description": "What the labyard service needs to run projects' servers",
            # Not `shares`: it contains the access to every server.
            "scopes": [
                f"read:servers!group={PROJECT_GROUP}",
                f"start:servers!group={PROJECT_GROUP}",
                f"delete:servers!group={PROJECT_GROUP}",
                PROJECTS_SCOPE,
            ],
            "services": ["labyard"],
        },
        # Who there is stands in the identity store, where the service can read it, or else in the hub's database alone.
        *(
            []
            if settings.login.is_local and settings.cluster is None
            else [{"name": "directory", "scopes": ["list:users"], "services": ["labyard"]}]
        ),
        {
            "name": "command-line",
            "scopes": ["list:users", "admin:users", "admin:groups", "read:servers", "delete:servers"],
            "services": ["cli"],
        },
    ]
