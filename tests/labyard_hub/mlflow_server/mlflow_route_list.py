"""Prints MLflow's routes as JSON: a list of [method, template]. It runs with the interpreter of MLflow's environment."""

from __future__ import annotations

import json
import os
import sys

PREFIX = "/services/mlflow"

os.environ.update({
    "_MLFLOW_STATIC_PREFIX": PREFIX, "MLFLOW_ENABLE_WORKSPACES": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{sys.argv[1]}/routes.db", "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
})  # fmt: skip

from mlflow.server import app as flask_app  # noqa: E402
from mlflow.server.fastapi_app import app as fastapi_app  # noqa: E402


def walk(routes, prefix=""):
    for route in routes:
        if hasattr(route, "original_router"):
            yield from walk(route.original_router.routes, prefix + route.include_context.prefix)
        elif type(route).__name__ == "Mount":
            # A second mount would be an application that nobody has looked at.
            assert type(route.app).__name__ == "_EfficientWSGIMiddleware", f"MLflow mounts {route.app!r} at {route.path!r}"
            for rule in flask_app.url_map.iter_rules():
                yield from ((method, rule.rule) for method in rule.methods - {"HEAD", "OPTIONS"})
        else:
            yield from ((method, prefix + route.path) for method in route.methods - {"HEAD", "OPTIONS"})


sys.stdout.write("ROUTES " + json.dumps(sorted({(method, path.removeprefix(PREFIX)) for method, path in walk(fastapi_app.routes)})))
