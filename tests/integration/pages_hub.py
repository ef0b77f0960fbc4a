"""A real JupyterHub with our authenticator and pages, its own proxy, and real servers; smaller than a whole `labyard up`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from labyard_hub.backends.local.runtime import proxy_socket
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.supervisor.proxy import proxy_process
from tests.platform import wait_until
from tests.workers import free_port

PASSWORD = "correct horse battery"
CONFIGURATION = """
import asyncio, json, os, sys
from pathlib import Path
import labyard_hub
from labyard_hub.config.origins import Origins
from labyard_hub.config.settings import Settings
from labyard_hub.hub_process.login import authenticator
from labyard_hub.hub_process.login.authenticator import LabyardAuthenticator
from labyard_hub.hub_process.starting.grants import Starts
from labyard_hub.hub_process.pages import page_settings
from labyard_hub.domain.scopes import USE_SCOPE
from labyard_hub.hub_process.local.spawner import LabyardSpawner
from labyard_hub.hub_process.proxy import LabyardProxy
from labyard_hub.hub_process.local.removed_people import LocalRemovedPeople
from labyard_hub.hub_process.removed_people import REMOVED_PEOPLE
from labyard_hub.config.state import StateFolder
from jupyterhub.spawner import SpawnException

authenticator.REFRESH_SECONDS = 3  # tests wait for it again and again
given = json.loads(os.environ["LABYARD_TEST"])
root = Path(given["root"])
settings = Settings.model_validate({"sign_in": given["sign_in"], **given["settings"]})

class Spawner(LabyardSpawner):
    def get_args(self):
        return [] if self.user.name in ("flop", "mute", "slow") else [*super().get_args(), "--allow-root"]

    async def start(self):
        if self.user.name in ("flop", "mute"):
            says = "echo ImportError: no module named nothing; " if self.user.name == "flop" else ""
            self.cmd = ["/bin/sh", "-c", says + "exit 3"]
            await super().start()
            status = await asyncio.to_thread(self.proc.wait)
            raise SpawnException(f"It ended with status {status} before it was ready.", reason="ended")
        if self.user.name == "slow":
            self.cmd = ["/bin/sleep", "infinity"]
        return await super().start()

    async def run_pre_spawn_hook(self):
        if self.user.name == "slow":  # it is on its way until somebody cancels it; JupyterHub reads the time before `start` runs
            self.start_timeout = self.http_timeout = 24 * 3600
        await super().run_pre_spawn_hook()

hub = c.JupyterHub
hub.bind_url = f"http://127.0.0.1:{given['port']}"
hub.public_url = f"http://127.0.0.1:{given['port']}/"
hub.hub_bind_url = f"http://127.0.0.1:{given['hub_port']}"
hub.db_url = f"sqlite:///{root}/hub/jupyterhub.sqlite"
hub.cookie_secret = b"0" * 32
hub.data_files_path = str(Path(sys.prefix) / "share" / "jupyterhub")
hub.redirect_to_server = False
hub.allow_named_servers = True
hub.named_server_limit_per_user = 2
hub.proxy_class = LabyardProxy
proxy = c.LabyardProxy
proxy.should_start = False
proxy.folder, proxy.socket = f"{root}/run/private", given["proxy_socket"]
hub.authenticator_class = LabyardAuthenticator
c.LabyardAuthenticator.state_dir = str(root)
c.LabyardAuthenticator.sign_in = settings.sign_in.model_dump()
for name, value in page_settings(settings, Origins(hub.public_url, separate=False)).items():
    setattr(hub, name, value)
hub.tornado_settings[REMOVED_PEOPLE] = LocalRemovedPeople(StateFolder(root), isolated=False, keep_seconds=settings.trash.lifetime_seconds)
hub.spawner_class = Spawner
c.Spawner.state_dir = str(root)
c.Spawner.cmd = [str(Path(sys.prefix) / "bin" / "labyard-singleuser")]
c.Spawner.default_url = "/lab"
c.Spawner.starts = Starts(settings)
c.Spawner.http_timeout = 60
c.Spawner.start_timeout = 60
c.Spawner.base_environment = {"PATH": os.environ["PATH"], "JUPYTER_CONFIG_PATH": str(Path(labyard_hub.__file__).parent / "singleuser")}
hub.services = [
    {"name": "cli", "api_token": (root / "secrets" / "cli_token").read_text().strip(), "display": False},
    {"name": "mlflow", "api_token": "1" * 64, "display": False},
    {"name": "app", "api_token": "0" * 64, "oauth_client_id": "service-app", "oauth_redirect_uri": "/services/app/callback"},
]
hub.custom_scopes = {USE_SCOPE: {"description": "Use your projects and MLflow"}}
hub.load_roles = [
    {"name": "user", "scopes": ["self", "shares!user", "access:services!service=app", "access:services!service=mlflow", f"{USE_SCOPE}!user"]},
    {"name": "command-line", "scopes": ["list:users", "admin:users", "read:servers", "delete:servers"], "services": ["cli"]},
]
"""


@dataclass
class Hub:
    """A hub that runs."""

    url: str
    hub_port: int
    state: StateFolder
    store: IdentityStore
    log: Path
    clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        client = Client(self)
        self.clients.append(client)
        return client

    def signed_in(self, name: str, password: str = PASSWORD) -> Client:
        client = self.client()
        answer = client.sign_in(name, password)
        assert answer.status_code == 302, answer.text
        return client


class Client:
    """A browser without a screen: cookies, forms; it follows no redirect by itself."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.http = httpx.Client(base_url=hub.url, timeout=30, trust_env=False)

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.get(path, **kwargs)

    def xsrf(self, page: str = "hub/login") -> str:
        found = re.search(r'name="_xsrf"\s+value="([^"]+)"', self.get(page).text)
        assert found is not None
        return found[1]

    def post(self, path: str, page: str = "hub/home", **form: str) -> httpx.Response:
        """Send a form with the XSRF token that stands on `page`; `next` and the like go into `path`."""
        return self.http.post(path, data={"_xsrf": self.xsrf(page), **form})

    def sign_in(self, name: str, password: str, query: str = "") -> httpx.Response:
        return self.post(f"hub/login{query}", "hub/login", username=name, password=password)

    def api(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"X-XSRFToken": self.xsrf("hub/home")} if method != "GET" else {}
        return self.http.request(method, f"hub/api/{path}", headers=headers, **kwargs)

    @property
    def is_signed_in(self) -> bool:
        return self.get("hub/home").status_code == 200


@contextmanager
def start_hub(root: Path, settings: dict[str, Any] | None = None, **sign_in: Any) -> Iterator[Hub]:
    """Run a hub on the state folder `root` until the end of the block, with `settings` beside those of the sign-in."""
    state = StateFolder.open(root)
    state.secret("cli_token")
    port, hub_port, proxy_port = free_port(), free_port(), free_port()
    url = f"http://127.0.0.1:{port}/"
    platform = Platform(url, url, hub_port, 0, 0, proxy_port, ready=True)
    platform.write(state)
    file = root / "jupyterhub_config.py"
    file.write_text(CONFIGURATION)
    given = {
        "root": str(root),
        "sign_in": sign_in,
        "settings": settings or {},
        "port": port,
        "hub_port": hub_port,
        "proxy_socket": str(proxy_socket(state)),
    }
    spec = proxy_process(state, platform, ListenSettings())
    path = f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    log = root / "hub.log"
    with log.open("wb") as output:
        proxy = subprocess.Popen(spec.argv, env=spec.env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", f"--config={file}"],
            env={"PATH": path, "HOME": str(root), "LANG": "C.UTF-8", "LABYARD_TEST": json.dumps(given)},
            cwd=root, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    hub: Hub | None = None

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            return httpx.get(f"{url}hub/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        wait_until(answers, "the hub", 60)
        hub = Hub(url, hub_port, state, IdentityStore(state.identity_database), log)
        yield hub
    finally:
        for client in hub.clients if hub else ():
            client.http.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        proxy.kill()
        proxy.wait(10)
