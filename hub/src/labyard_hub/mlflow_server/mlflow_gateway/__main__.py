"""``python -m mlflow_gateway``: prepares MLflow's database and serves."""

from __future__ import annotations

import os

import uvicorn

from .configuration import Configuration, apply
from .database import prepare

__all__ = ["main"]


def main() -> None:
    """Read the environment, bring the database up to date, and serve until told to stop."""
    configuration = Configuration.from_environment(os.environ)
    apply(configuration)
    prepare(configuration)
    uvicorn.run(
        "mlflow_gateway.application:create",
        factory=True,
        host=configuration.host,
        port=configuration.port,
        workers=configuration.workers,
        proxy_headers=False,
        server_header=False,
        ws="none",
        log_level="warning",
        timeout_keep_alive=120,  # longer than the proxy in front keeps a connection, 90 s: one that closes at this end may swallow a request
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
