"""MLflow's process."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from labyard_hub.backends.local.accounts import ensure_service_account, isolates
from labyard_hub.config.origins import origins_environment
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import Settings
from labyard_hub.config.state import StateFolder
from labyard_hub.services.sessions import SESSION_COOKIE
from labyard_hub.supervisor.hub import base_environment
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["mlflow_process"]

MLFLOW_SERVER = Path(__file__).parent.parent / "mlflow_server"

START_TIMEOUT_SECONDS = 180
"""The first start makes the tables, and on a busy machine reads half a gigabyte of code from a cold disk."""


def mlflow_process(state: StateFolder, settings: Settings, platform: Platform, *, python: Path) -> ProcessSpec:
    """Return the process. Where users are isolated it has an account of its own, for it needs nothing of root's.

    Parameters
    ----------
    python
        Interpreter of MLflow's environment.

    Raises
    ------
    AccountError
        If its account cannot be made.
    """
    service_path = urlsplit(platform.service_url).path
    temporary = state.mlflow / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    as_account: tuple[str, ...] = ()
    if isolates(settings.servers.isolation):
        account = ensure_service_account("mlflow", state.mlflow, state)
        as_account = ("setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--no-new-privs", "--")
    return ProcessSpec(
        name="mlflow",
        argv=(*as_account, str(python), "-m", "mlflow_gateway"),
        cwd=state.mlflow,
        env={
            **base_environment(state),
            "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(state.mlflow),
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(MLFLOW_SERVER),
            "PYTHONWARNINGS": "ignore",  # MLflow's own deprecations are not the operator's to mend
            "LABYARD_MLFLOW_FOLDER": str(state.mlflow),
            "LABYARD_MLFLOW_PORT": str(urlsplit(platform.mlflow_url).port),
            "LABYARD_MLFLOW_PREFIX": urlsplit(platform.mlflow_url).path,
            "LABYARD_MLFLOW_WORKERS": str(settings.mlflow.workers),
            "LABYARD_SERVICE_URL": platform.service_url,
            "LABYARD_LOGIN_PATH": f"{service_path}login",
            "LABYARD_SESSION_COOKIE": platform.origins.cookie_prefix + SESSION_COOKIE,
            **origins_environment(platform.origins),
        },
        ready_url=f"{platform.mlflow_url}health",
        start_timeout_seconds=START_TIMEOUT_SECONDS,
    )
