"""Real hubs, ours and a stock one, whose servers are one process that answers for all, with any number of users that run already."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from jupyterhub.utils import hash_token

from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.supervisor.hub import hub_process
from labyard_hub.supervisor.proxy import proxy_process
from tests.platform import wait_until

__all__ = ["Hub", "stub_hub"]

COMMON = """
import json, os
from jupyterhub.spawner import Spawner

given = json.loads(os.environ["LABYARD_BENCHMARK"])

class StubSpawner(Spawner):
    def load_state(self, state):
        super().load_state(state)
        self.started = state.get("started", False)

    def get_state(self):
        return {**super().get_state(), "started": self.started}

    def clear_state(self):
        super().clear_state()
        self.started = False

    async def start(self):
        self.get_env(), self.get_args()
        self.started = True
        return "127.0.0.1", given["stub_port"]

    async def poll(self):
        return None if self.started else 0

    async def stop(self, now=False):
        self.started = False

BENCHMARK_SERVICE = {"name": "benchmark", "api_token": given["token"]}
BENCHMARK_ROLE = {"name": "benchmark", "scopes": ["admin:users", "admin:servers", "list:users", "tokens", "read:metrics"], "services": ["benchmark"]}
"""

OURS = """
from pathlib import Path
from labyard_hub.config.loader import Configuration
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import Settings
from labyard_hub.config.state import StateFolder
from labyard_hub.hub_process.local.config import configure

state = StateFolder(Path(given["root"]))
configure(c, state, Configuration(None, Settings(), (), ()), Platform.read(state))
c.JupyterHub.spawner_class = StubSpawner
for key, value in list(c.LabyardSpawner.items()):
    if key in Spawner.class_trait_names(config=True):
        c.StubSpawner[key] = value
c.JupyterHub.services.append(BENCHMARK_SERVICE)
c.JupyterHub.load_roles.append(BENCHMARK_ROLE)
"""

STOCK = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    # The most favourable: a stock hub whose proxy costs nothing.
    should_start = False
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.routes = {}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}
    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)
    async def get_all_routes(self):
        return dict(self.routes)

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = given["bind_url"]
c.JupyterHub.hub_bind_url = given["hub_url"]
c.JupyterHub.db_url = f"sqlite:///{given['root']}/hub/jupyterhub.sqlite"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cookie_secret = b"0" * 32
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = StubSpawner
c.JupyterHub.services = [BENCHMARK_SERVICE]
c.JupyterHub.load_roles = [BENCHMARK_ROLE]
"""


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Hub:
    """A hub on a state folder of its own, which can be started and stopped.

    Attributes
    ----------
    ours
        Whether it is configured as Labyard configures it; else it is JupyterHub as it comes.
    token
        Of a service that may start servers.
    """

    state: StateFolder
    platform: Platform
    ours: bool
    stub_port: int
    token: str
    log: Path
    process: subprocess.Popen[bytes] | None = None
    wrapper: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The hub itself, without the proxy."""
        return f"http://127.0.0.1:{self.platform.hub_port}/hub/"

    @property
    def database(self) -> Path:
        return self.state.hub / "jupyterhub.sqlite"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    def start(self) -> float:
        """Start it, and return the seconds until it answers."""
        file = self.state.root / "jupyterhub_config.py"
        file.write_text(COMMON + (OURS if self.ours else STOCK))
        given = {
            "root": str(self.state.root), "stub_port": self.stub_port, "token": self.token, "bind_url": self.platform.bind_url,
            "hub_url": self.url.removesuffix("/hub/"),
        }  # fmt: skip
        spec = hub_process(self.state, self.platform)
        argv = spec.argv[1:] if self.ours else ("-m", "jupyterhub", "--config=")
        argv = tuple(f"--config={file}" if part.startswith("--config=") else part for part in argv)
        began = time.perf_counter()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*(self.wrapper or (sys.executable,)), *argv],
                env={**spec.env, "LABYARD_BENCHMARK": json.dumps(given)}, cwd=self.state.root, stdout=log, stderr=log,
            )  # fmt: skip
        with httpx.Client(trust_env=False) as client:
            wait_until(lambda: self._answers(client), "the hub", 300)
        return time.perf_counter() - began

    def _answers(self, client: httpx.Client) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return client.get(f"{self.url}api/health").status_code == 200
        except httpx.HTTPError:
            return False

    def initialized_seconds(self) -> float:
        """Return what the hub last said it took to look after all its servers."""
        wait_until(lambda: "Initialized" in self.log.read_text().rpartition("Running JupyterHub version")[2], "the servers' check", 300)
        return float(re.findall(r"Initialized \d+ spawners in ([\d.]+) seconds", self.log.read_text())[-1])

    def stop(self) -> None:
        """Stop it as the supervisor does; the servers stay."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)

    def memory_mib(self) -> float:
        """Return the resident memory."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def cpu_seconds(self) -> float:
        """Return the CPU time that it used so far."""
        assert self.process is not None
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def fill(self, running: int, waiting: int) -> None:
        """Write `running` users with a server and `waiting` without into the databases, as the hub would have."""
        names = [f"run{number:05d}" for number in range(running)] + [f"wait{number:05d}" for number in range(waiting)]
        with closing(sqlite3.connect(self.database)) as database, database:
            _fill_hub(database, names, running, self.stub_port)
        if self.ours:
            IdentityStore(self.state.identity_database).get_user("nobody")  # it makes the tables
            now = datetime.now(UTC).isoformat()
            with closing(sqlite3.connect(self.state.identity_database)) as database, database:
                database.executemany(
                    "INSERT INTO users (name, admin, created_at) VALUES (?, 0, ?)", [(name, now) for name in names]
                )  # fmt: skip

    def token_of(self, name: str) -> str:
        """Make an API token of a user."""
        answer = httpx.post(f"{self.url}api/users/{name}/tokens", headers=self.headers, json={}, timeout=30, trust_env=False)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


def _fill_hub(database: sqlite3.Connection, names: list[str], running: int, port: int) -> None:
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    first = int(database.execute("SELECT coalesce(max(id), 0) + 1 FROM users").fetchone()[0])
    role = int(database.execute("SELECT id FROM roles WHERE name = 'user'").fetchone()[0])
    users, roles, servers, spawners, tokens, clients = [], [], [], [], [], []
    for number, name in enumerate(names, first):
        users.append((number, name, 0, now, now, secrets.token_hex(16)))
        roles.append((number, role, 0))
        runs = number < first + running
        token = secrets.token_hex(16)
        client = f"jupyterhub-user-{name}"
        if runs:
            servers.append((number, "http", "127.0.0.1", port, f"/user/{name}/", ""))
            tokens.append(
                (
                    number,
                    hash_token(token, rounds=1, salt=8, algorithm="sha512"),
                    token[:4],
                    "jupyterhub",
                    now,
                    f"Server at /user/{name}/",
                    "[]",
                )
            )
            clients.append((client, f"Server at /user/{name}/", token, f"/user/{name}/oauth_callback", "[]"))
        state = json.dumps({"started": True, "api_token": token}) if runs else "{}"
        spawners.append((number, number if runs else None, state, "", now if runs else None, now, "{}", client if runs else None))
    many = database.executemany
    many("INSERT INTO users (id, name, admin, created, last_activity, cookie_id) VALUES (?, ?, ?, ?, ?, ?)", users)
    many("INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (?, ?, ?)", roles)
    many("INSERT INTO servers (id, proto, ip, port, base_url, cookie_name) VALUES (?, ?, ?, ?, ?, ?)", servers)
    many("INSERT INTO oauth_clients (identifier, description, secret, redirect_uri, allowed_scopes) VALUES (?, ?, ?, ?, ?)", clients)
    many(
        "INSERT INTO spawners (user_id, server_id, state, name, started, last_activity, user_options, oauth_client_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        spawners,
    )
    many("INSERT INTO api_tokens (user_id, hashed, prefix, client_id, created, note, scopes) VALUES (?, ?, ?, ?, ?, ?, ?)", tokens)


@contextmanager
def stub_hub(root: Path, stub_port: int, *, ours: bool) -> Iterator[Hub]:
    """Make a hub on the state folder `root`, and for ours the proxy, and end both at the end of the block. The hub has made its tables and is stopped."""
    state = StateFolder.open(root)
    port = _port()
    url = f"http://127.0.0.1:{port}/"
    platform = Platform(url, url, _port(), _port(), _port(), _port(), ready=True)
    platform.write(state)
    state.hub.mkdir(exist_ok=True)
    hub = Hub(state, platform, ours, stub_port, secrets.token_hex(16), root / "hub.log")
    proxy: subprocess.Popen[Any] | None = None
    try:
        if ours:
            spec = proxy_process(state, platform, ListenSettings())
            with (root / "proxy.log").open("ab") as log:
                proxy = subprocess.Popen(spec.argv, env={**os.environ, **spec.env}, stdout=log, stderr=log)
        hub.start()
        hub.stop()
        yield hub
    finally:
        for process in (hub.process, proxy):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
