"""The labyard service's application in process: real database, real routes; the hub, folders and servers are made up."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import uvicorn
from fastapi import FastAPI

from labyard.models.sharing import ProjectServer, ProjectServerState
from labyard.permissions import Role, capabilities_of
from labyard_hub.backends.hub_api import Hub
from labyard_hub.config.origins import Origins
from labyard_hub.factory import Backends, create_app, create_services
from labyard_hub.handlers.dependencies import Services, ServiceSettings
from labyard_hub.services.enforcement import Enforcement
from labyard_hub.services.protocols import DesiredProject
from labyard_hub.storage.database import Database
from labyard_hub.storage.store import Store
from tests.platform import wait_until

PREFIX = "/services/labyard/"
ORIGIN = "http://127.0.0.1:8000"
SCOPES = ["access:services!service=labyard"]
PEOPLE = ("ada", "bob", "carol", "dan", "eve", "frank")


class FoldersInMemory:
    """Remembers what was last applied."""

    def __init__(self) -> None:
        self.applied: dict[str, DesiredProject] = {}
        self.discarded: list[str] = []
        self.failure: Exception | None = None
        self.on_apply, self.on_discard = asyncio.Event(), asyncio.Event()

    def members(self, name: str) -> dict[str, Role]:
        """Return the roles whose capabilities the members of a project that is not archived were given."""
        roles = {capabilities_of(role): role for role in Role}
        return next({user: roles[may] for user, may in project.members} for project in self.applied.values() if project.name == name)

    async def apply(self, project: DesiredProject) -> None:
        if self.failure is not None:
            raise self.failure
        self.applied[project.id] = project
        self.on_apply.set()

    async def discard(self, project: DesiredProject) -> None:
        if self.failure is not None:
            raise self.failure
        self.applied.pop(project.id, None)
        self.discarded.append(project.id)
        self.on_discard.set()


class ServersInMemory:
    """Remembers who may open what."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.visitors: dict[str, set[str]] = {}
        self.tool_visitors: dict[tuple[str, str], set[str]] = {}
        self.failure: Exception | None = None

    async def status(self, project_id: str) -> ProjectServer:
        state = ProjectServerState.RUNNING if project_id in self.running else ProjectServerState.STOPPED
        return ProjectServer(state=state, url=f"/user/{project_id}/lab", started_at=None, last_activity_at=None)

    async def start(self, project_id: str, visitor: str) -> ProjectServer:
        self.running.add(project_id)
        self.visitors.setdefault(project_id, set()).add(visitor)
        return await self.status(project_id)

    async def stop(self, project_id: str) -> None:
        self.running.discard(project_id)

    async def set_visitors(self, project_id: str, visitors: Collection[str]) -> None:
        if self.failure is not None:
            raise self.failure
        if project_id in self.visitors:  # the hub knows the server
            self.visitors[project_id] = set(visitors)

    async def remove(self, project_id: str) -> None:
        self.running.discard(project_id)

    async def allow_tool(self, owner: str, server: str, visitor: str) -> None:
        self.tool_visitors.setdefault((owner, server), set()).add(visitor)

    async def set_tool_visitors(self, owner: str, server: str, visitors: Collection[str]) -> None:
        self.tool_visitors[owner, server] = self.tool_visitors.get((owner, server), set()) & set(visitors)


@dataclass
class Directory:
    """Who there is."""

    people: set[str] = field(default_factory=lambda: set(PEOPLE))

    async def exists(self, name: str) -> bool:
        return name in self.people

    async def names(self) -> Sequence[str]:
        return sorted(self.people)


@dataclass
class Service:
    """The application and everything around it."""

    app: FastAPI
    services: Services
    enforcement: Enforcement
    store: Store
    files: FoldersInMemory
    servers: ServersInMemory
    directory: Directory
    generations: dict[str, int]
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    late: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.late

    def as_(self, name: str) -> httpx.AsyncClient:
        """Return a client that calls as `name`: a user, or a project's own user by the project's id."""
        if name not in self.clients:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            headers = {"Authorization": f"Bearer {name}"}
            self.clients[name] = httpx.AsyncClient(transport=transport, base_url=f"{ORIGIN}{PREFIX}api/v1/", headers=headers, timeout=60)
        return self.clients[name]

    async def call(self, name: str, method: str, path: str, status: int, body: Any = None) -> Any:
        """Call as `name`, check the status, and return the body."""
        answer = await self.as_(name).request(method, path, json=body)
        assert answer.status_code == status, f"{name}: {method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def create(self, name: str = "vision", *, owner: str = "ada", **members: str) -> dict[str, Any]:
        """Make a project with members, by role."""
        project = await self.call(owner, "POST", "projects", 201, {"name": name})
        for user, role in members.items():
            await self.call(owner, "POST", f"projects/{name}/members", 201, {"user": user, "role": role})
        return dict(project)

    async def texts(self, name: str, project: str = "vision") -> list[str]:
        return [event["text"] for event in (await self.call(name, "GET", f"projects/{project}/events", 200))["events"]]


def _hub_answers(request: httpx.Request) -> httpx.Response:
    token = request.headers.get("authorization", "").removeprefix("token ")
    if token == "down":
        raise httpx.ConnectTimeout("no answer")
    if not token or token.startswith("wrong"):
        return httpx.Response(403)
    if request.method == "DELETE":  # a login's token ends
        return httpx.Response(204)
    return httpx.Response(200, json={"kind": "user", "name": token, "admin": token == "root-admin", "groups": [], "scopes": SCOPES})


@asynccontextmanager
async def open_service(
    database_url: str,
    *,
    projects_per_user: int = 1000,
    settings: ServiceSettings | None = None,
    hub_answers: Callable[[httpx.Request], httpx.Response] | None = None,
) -> AsyncIterator[Service]:
    """Put the service together on a database, which is migrated."""
    database = Database(database_url)
    await database.migrate()
    settings = settings or ServiceSettings(base_url="/", prefix=PREFIX, origins=Origins(f"{ORIGIN}/", separate=False))
    generations: dict[str, int] = {}
    files, servers, directory, store = FoldersInMemory(), ServersInMemory(), Directory(), Store(database)
    async with httpx.AsyncClient(transport=httpx.MockTransport(hub_answers or _hub_answers)) as outward:
        hub = Hub(
            outward,
            api_url="http://hub/hub/api",
            base_url="/",
            client_id="service-labyard",
            api_token="s",
            redirect_path=settings.callback_path,
        )
        backends = Backends(hub, store, files, servers, directory, lambda name: generations.get(name, 0))
        made: list[Service] = []
        services, enforcement = create_services(
            settings, backends, session_secret="k" * 64, link_secret="l" * 64, login_secret="c" * 64, projects_per_user=projects_per_user,
            clock=lambda: made[0].now(),  # noqa: PLW0108  # it is not made yet
        )  # fmt: skip
        service = Service(create_app(services), services, enforcement, store, files, servers, directory, generations)
        made.append(service)
        try:
            yield service
        finally:
            for client in service.clients.values():
                await client.aclose()
            await database.close()


@asynccontextmanager
async def retrying(service: Service) -> AsyncIterator[None]:
    """Let the service try again, quickly, what did not succeed."""
    stop = asyncio.Event()
    run = asyncio.create_task(service.enforcement.run(stop, 0.01))
    try:
        yield
    finally:
        stop.set()
        await run


def describe_service() -> dict[str, Any]:
    """Return the OpenAPI description of the application."""

    async def describe() -> dict[str, Any]:
        async with open_service("sqlite+aiosqlite://") as service:
            return service.app.openapi()

    return asyncio.run(describe())


@contextmanager
def serve_service(database_url: str) -> Iterator[tuple[str, Service]]:
    """Serve the application on a port of 127.0.0.1, from a thread; yield the URL of its API and the service."""
    found: list[Service] = []
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with open_service(database_url) as service:
            config = uvicorn.Config(service.app, host="127.0.0.1", port=0, log_level="warning", lifespan="off", server_header=False)
            found.append(service)
            servers.append(uvicorn.Server(config))
            await servers[0].serve()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    wait_until(lambda: servers and servers[0].started, "the service answers")
    try:
        port = servers[0].servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{PREFIX}api/v1/", found[0]
    finally:
        servers[0].should_exit = True
        thread.join(30)


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server on a Unix socket.

    Attributes
    ----------
    folder
        Where the socket is; named as host.
    """

    folder: Path
    programs: Path
    become: tuple[str, ...]

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://labyard@/{name}?host={self.folder}"

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=50"
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def run(self, program: str, *arguments: str) -> None:
        command = [*self.become, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"

    async def create(self, name: str) -> str:
        """Make an empty database, and return its URL."""
        connection = await asyncpg.connect(host=str(self.folder), user="labyard", database="postgres")
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return self.url(name)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL server of this test run's own."""
    programs = next((path for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True) if (path / "initdb").exists()), None)
    assert programs is not None, "PostgreSQL is missing: on Debian, apt-get install postgresql"
    # Short, since the path of a Unix socket is.
    with tempfile.TemporaryDirectory(prefix="labyard-pg-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        become: tuple[str, ...] = ()
        if os.geteuid() == 0:  # it refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            folder.chmod(0o755)
            become = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        server = Postgres(folder, programs, become)
        server.run(
            "initdb", "--pgdata", str(folder / "data"), "--username", "labyard", "--auth", "trust", "--no-sync", "--encoding", "UTF8"
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


def install_driver(folder: Path) -> Path:
    """Put the PostgreSQL driver that the hub's image has into a folder, for PYTHONPATH, and return it: here nothing else needs one that waits."""
    root = Path(__file__).parents[1]
    (folder / "driver.txt").write_text((root / "images/hub/extra.txt").read_text())
    command = [root / ".venv/bin/uv", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python-version", "3.11"]
    subprocess.run([*command, "--target", folder / "driver", "-r", folder / "driver.txt"], check=True, timeout=120)
    return folder / "driver"
