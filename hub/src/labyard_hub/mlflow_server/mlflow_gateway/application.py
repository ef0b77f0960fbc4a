"""Makes the application, once per worker."""

from __future__ import annotations

import os

import httpx
from mlflow.exceptions import MlflowException
from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app
from mlflow.server.handlers import initialize_backend_stores
from sqlalchemy import event
from sqlalchemy.engine import Engine

from . import guard
from .authority import TIMEOUT_SECONDS, Authority
from .configuration import Configuration
from .database import tune
from .gateway import Gateway, GatewaySettings
from .model_versions import find_version
from .workspaces import Workspaces

__all__ = ["create"]


def create() -> Gateway:
    """Return the gateway with MLflow behind it, its stores open."""
    configuration = Configuration.from_environment(os.environ)
    event.listen(Engine, "connect", tune)
    guard.install(configuration.artifacts)
    flask_app.register_error_handler(MlflowException, _answer_error)
    initialize_backend_stores(configuration.database_url, configuration.database_url, "mlflow-artifacts:/")
    client = httpx.AsyncClient(base_url=configuration.service_url, timeout=TIMEOUT_SECONDS, trust_env=False)
    settings = GatewaySettings(
        configuration.prefix, configuration.login_path, configuration.cookie_name, configuration.origin, configuration.separate
    )
    return Gateway(app, settings, Authority(client), Workspaces().ensure, find_version)


def _answer_error(error: MlflowException) -> tuple[str, int, dict[str, str]]:
    """Answer for the handlers of MLflow's that forget to catch their own errors, and would answer 500 where they mean 404."""
    return error.serialize_as_json(), error.get_http_status_code(), {"Content-Type": "application/json"}
