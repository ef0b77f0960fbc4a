"""Makes the application, once per worker."""

from __future__ import annotations

import os

import httpx
from mlflow.exceptions import MlflowException
from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app
from mlflow.server.handlers import initialize_backend_stores
from mlflow_gateway import answers, guard
from mlflow_gateway.authority import TIMEOUT_SECONDS, Authority
from mlflow_gateway.configuration import Configuration
from mlflow_gateway.database import tune
from mlflow_gateway.gateway import Gateway, GatewaySettings
from mlflow_gateway.model_versions import find_version
from mlflow_gateway.short_way import ShortWay
from mlflow_gateway.workspaces import Workspaces
from sqlalchemy import event
from sqlalchemy.engine import Engine

__all__ = ["create"]


def create() -> Gateway:
    """Return the gateway with MLflow behind it, its stores open."""
    configuration = Configuration.from_environment(os.environ)
    event.listen(Engine, "connect", tune)
    guard.install(configuration.artifacts)
    answers.install()
    flask_app.register_error_handler(MlflowException, _answer_error)
    initialize_backend_stores(configuration.database_url, configuration.database_url, "mlflow-artifacts:/")
    client = httpx.AsyncClient(base_url=configuration.service_url, timeout=TIMEOUT_SECONDS, trust_env=False)
    settings = GatewaySettings(configuration.prefix, configuration.login_path, configuration.cookie_name, configuration.origin)
    return Gateway(ShortWay(app, flask_app), settings, Authority(client), Workspaces().ensure, find_version)


def _answer_error(error: MlflowException) -> tuple[str, int, dict[str, str]]:
    """Answer for the handlers of MLflow's that forget to catch their own errors, and would answer 500 where they mean 404."""
    return error.serialize_as_json(), error.get_http_status_code(), {"Content-Type": "application/json"}
