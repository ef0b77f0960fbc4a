"""A real JupyterHub with the labyard service and, where wanted, MLflow beside it; without proxy, spawner and supervisor.

The parts are reached at their own ports; cookies do not know ports, so a browser's way through all of them can be walked.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from labyard_hub.config.loader import Configuration, dump_configuration
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import Settings
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import is_project_id
from labyard_hub.hub_process.mlflow_client import client_environment
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.supervisor.mlflow import mlflow_process
from labyard_hub.supervisor.process import ProcessSpec
from labyard_hub.supervisor.service import service_process
from tests.platform import wait_until
from tests.workers import free_port

__all__ = ["SmallPlatform", "small_platform"]

HUB_CONFIGURATION = """
import os
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import SimpleLocalProcessSpawner
from labyard_hub.config.state import StateFolder
from pathlib import Path

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {}

state = StateFolder(Path(os.environ["LABYARD_STATE_DIR"]))
port = os.environ["HUB_PORT"]
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.db_url = f"sqlite:///{state.hub}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret = bytes.fromhex(state.secret("cookie_secret"))
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"root-admin"}
c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
scopes = ["access:services!service=labyard", "access:services!service=mlflow"]
c.JupyterHub.services = [
    {"name": "labyard", "api_token": state.secret("service_token"), "oauth_client_id": "service-labyard",
     "oauth_redirect_uri": "/services/labyard/oauth/callback", "oauth_no_confirm": True, "display": False},
    {"name": "test", "api_token": state.secret("test_token")},
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", *scopes]},
    {"name": "test", "scopes": ["admin:users", "tokens", "list:users", *scopes], "services": ["test"]},
    {"name": "project-servers", "scopes": ["read:servers", "delete:servers"], "services": ["labyard"]},
]
c.JupyterHub.log_level = "WARN"
"""


@dataclass
class SmallPlatform:
    """What runs, and how to reach it."""

    state: StateFolder
    platform: Platform
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def hub_url(self) -> str:
        return f"http://127.0.0.1:{self.platform.hub_port}/"

    def start(self, spec: ProcessSpec) -> float:
        """Start a process, wait until it is ready, and return how many seconds that took."""
        began = time.monotonic()
        log = (self.state.logs / f"{spec.name}.log").open("ab")
        with log:
            child = subprocess.Popen(spec.argv, env=dict(spec.env), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes[spec.name] = child
        wait_until(lambda: self._answers(spec, child), f"{spec.name} ready", spec.start_timeout_seconds)
        return time.monotonic() - began

    def _answers(self, spec: ProcessSpec, child: subprocess.Popen[bytes]) -> bool:
        assert child.poll() is None, f"{spec.name} ended:\n{self.log(spec.name)}"
        assert spec.ready_url is not None
        try:
            return httpx.get(spec.ready_url, timeout=5, trust_env=False).status_code < 500
        except httpx.HTTPError:
            return False

    def stop(self, name: str) -> None:
        child = self.processes.pop(name)
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def kill(self, name: str) -> None:
        child = self.processes.pop(name)
        child.kill()
        child.wait()

    def log(self, name: str) -> str:
        return (self.state.logs / f"{name}.log").read_text(errors="replace")

    def hub_process(self) -> ProcessSpec:
        configuration = self.state.root / "hub_config.py"
        configuration.write_text(HUB_CONFIGURATION)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.state.run_private), "LABYARD_STATE_DIR": str(self.state.root),
            "HUB_PORT": str(self.platform.hub_port), "LANG": "C.UTF-8",
        }  # fmt: skip
        return ProcessSpec(
            "hub",
            (sys.executable, "-m", "jupyterhub", "-f", str(configuration)),
            environment,
            ready_url=f"{self.platform.hub_api_url}/health",
        )

    def client_environment(self) -> dict[str, str]:
        """Return what a server gets for MLflow, with MLflow's own port: there is no proxy here."""
        url = self.platform.mlflow_url.rstrip("/")
        return {**client_environment(self.platform, self.state.projects), "MLFLOW_TRACKING_URI": url, "LABYARD_MLFLOW_URL": url}

    def hub_api(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Call the hub's REST API as somebody who may make users and tokens."""
        headers = {"Authorization": f"token {self.state.secret('test_token')}"}
        return httpx.request(method, f"{self.platform.hub_api_url}/{path}", headers=headers, timeout=30, trust_env=False, **kwargs)

    def add_user(self, name: str) -> None:
        self.hub_api("POST", f"users/{name}").raise_for_status()
        if not is_project_id(name):
            IdentityStore(self.state.identity_database).add_user(name, None)

    def token(self, name: str, scopes: list[str] | None = None) -> str:
        """Make a token of the user `name`; without `scopes` it may do what they may."""
        answer = self.hub_api("POST", f"users/{name}/tokens", json={"scopes": scopes} if scopes is not None else {})
        answer.raise_for_status()
        return str(answer.json()["token"])

    def revoke_tokens(self, name: str) -> None:
        """End all tokens of `name`."""
        for entry in self.hub_api("GET", f"users/{name}/tokens").json()["api_tokens"]:
            self.hub_api("DELETE", f"users/{name}/tokens/{entry['id']}").raise_for_status()

    def service(self, token: str | None = None) -> httpx.Client:
        return self._client(self.platform.service_url, token)

    def mlflow(self, token: str | None = None) -> httpx.Client:
        return self._client(self.platform.mlflow_url, token)

    def _client(self, url: str, token: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def small_platform(root: Path, mlflow_python: Path | None = None) -> Iterator[SmallPlatform]:
    """Start hub and service, and MLflow with the interpreter `mlflow_python`."""
    hub, service, mlflow, public = (free_port() for _ in range(4))
    url = f"http://127.0.0.1:{public}/"
    running = SmallPlatform(StateFolder.open(root), Platform(url, url, hub, service, mlflow, 0))
    try:
        running.start(running.hub_process())
        running.state.configuration_file.write_text(dump_configuration(Configuration(None, Settings(), (), ())))
        running.start(service_process(running.state, running.platform))
        if mlflow_python is not None:
            running.start(
                replace(mlflow_process(running.state, Settings(), running.platform, python=mlflow_python), start_timeout_seconds=240)
            )
        yield running
    finally:
        for name in list(running.processes)[::-1]:
            with contextlib.suppress(KeyError):
                running.stop(name)
