"""The route agent beside a real HAProxy, told by JupyterHub's own class for configurable-http-proxy."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from jupyterhub.proxy import ConfigurableHTTPProxy

from labyard_hub.backends.haproxy.program import find_haproxy
from labyard_hub.hub_process.pods.agent_watch import WatchedHttpProxy
from tests.certificates import make_certificate
from tests.integration.routing import servers
from tests.waiting import until
from tests.workers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

TOKEN = "token-of-the-proxy"


@dataclass
class Pod:
    """What runs in the proxy's pod, and the hub's side of it."""

    folder: Path
    ports: list[int]
    session: aiohttp.ClientSession
    http: int = field(default_factory=free_port)
    https: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)
    agent: subprocess.Popen[bytes] | None = None
    proxy: subprocess.Popen[bytes] | None = None

    def start_agent(self, **more: str) -> None:
        environment = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LABYARD_PROXY_DIR": str(self.folder), "CONFIGPROXY_AUTH_TOKEN": TOKEN,
            "LABYARD_PROXY_HTTP_PORT": str(self.http), "LABYARD_PROXY_HTTPS_PORT": str(self.https), "LABYARD_PROXY_API_PORT": str(self.api),
            "LABYARD_PROXY_ADMIN_PORT": str(self.admin), "LABYARD_PROXY_TLS_DIR": str(self.folder / "tls"),
            "LABYARD_HUB_URL": f"http://localhost:{self.ports[0]}", "LABYARD_SERVICE_URL": f"http://localhost:{self.ports[1]}/services/labyard/",
            "LABYARD_MLFLOW_URL": f"http://127.0.0.1:{self.ports[2]}/services/mlflow/", **more,
        }  # fmt: skip
        self.agent = subprocess.Popen([sys.executable, "-m", "labyard_hub.proxy_agent"], env=environment)

    def start_proxy(self) -> None:
        self.proxy = subprocess.Popen([find_haproxy(), "-W", "-db", "-f", self.folder / "haproxy.cfg"], cwd="/")

    def end(self, process: subprocess.Popen[bytes] | None) -> None:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)

    async def status(self, path: str) -> int:
        try:
            async with self.session.get(f"http://127.0.0.1:{self.api}{path}") as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    async def answer(self, path: str) -> str:
        try:
            async with self.session.get(f"http://127.0.0.1:{self.http}{path}") as answer:
                return await answer.text() if answer.status == 200 else str(answer.status)
        except aiohttp.ClientError as error:
            return type(error).__name__

    async def until_answers(self, path: str, what: str) -> None:
        async def right() -> bool:
            return await self.answer(path) == what

        await until(right, f"{path} leads to {what}")

    async def until_status(self, path: str, status: int) -> None:
        async def right() -> bool:
            return await self.status(path) == status

        await until(right, f"{path}: {status}")

    def hub_side(self, kind: type[ConfigurableHTTPProxy] = ConfigurableHTTPProxy, **changes: Any) -> Any:
        hub = SimpleNamespace(routespec="/", host=f"http://localhost:{self.ports[3]}", api_url="")
        options = {"should_start": False, "api_url": f"http://127.0.0.1:{self.api}", "auth_token": TOKEN, "hub": hub}
        return kind(**{**options, "app": SimpleNamespace(hub=hub), **changes})


@asynccontextmanager
async def open_pod(folder: Path, **more: str) -> AsyncIterator[Pod]:
    """Start the agent, then HAProxy, as the pod does."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    async with servers() as ports, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        pod = Pod(folder, ports, session)
        try:
            pod.start_agent(**more)
            await pod.until_status("/health", 200)
            pod.start_proxy()
            yield pod
        finally:
            pod.end(pod.proxy)
            pod.end(pod.agent)


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[Pod]:
    async with open_pod(tmp_path / "pod") as pod:
        yield pod


async def test_hub_and_services_have_routes_before_any_hub_brings_them(pod: Pod) -> None:
    await pod.until_status("/ready", 200)
    assert await pod.answer("/hub/login") == str(pod.ports[0])
    assert await pod.answer("/services/labyard/api/v1/me") == str(pod.ports[1])
    assert await pod.answer("/services/mlflow/") == str(pod.ports[2])
    # The hub must not take them for its own, or it would delete them.
    assert await pod.hub_side().get_all_routes() == {}


async def test_jupyterhubs_class_adds_reads_and_deletes_routes(pod: Pod) -> None:
    proxy = pod.hub_side()
    server = f"http://127.0.0.1:{pod.ports[4]}"
    paths = {
        "/user/ada/": "/user/ada/x",
        "/user/ada@x.org/": "/user/ada%40x.org/x",
        "/user/ada/my%20server/": "/user/ada/my%20server/x",
        "/user/zo%C3%AB/": "/user/zo%C3%AB/",
    }
    for number, path in enumerate(paths):
        await proxy.add_route(path, f"http://127.0.0.1:{pod.ports[4 + number]}", {"user": "ada", "server_name": path})
    routes = await proxy.get_all_routes()
    assert set(routes) == set(paths)
    assert routes["/user/ada/"] == {"routespec": "/user/ada/", "target": server, "data": {"user": "ada", "server_name": "/user/ada/"}}
    for number, asked in enumerate(paths.values()):
        await pod.until_answers(asked, str(pod.ports[4 + number]))
    await proxy.delete_route("/user/ada/")
    await proxy.delete_route("/user/ada/")
    assert set(await proxy.get_all_routes()) == set(paths) - {"/user/ada/"}
    assert await pod.answer("/user/ada/x") == str(pod.ports[0])
    assert await pod.answer("/user/ada/my%20server/") == str(pod.ports[6])
    # As the hub does every minute: its own route is set, and what belongs to nobody goes.
    await proxy.check_routes({}, {})
    assert set(await proxy.get_all_routes()) == {"/"}
    assert (await proxy.get_all_routes())["/"]["target"] == f"http://localhost:{pod.ports[3]}"
    assert await pod.answer("/hub/home") == str(pod.ports[3])
    assert await pod.answer("/services/mlflow/") == str(pod.ports[2])


async def test_routes_outlive_agent_and_proxy(pod: Pod) -> None:
    proxy = pod.hub_side()
    await asyncio.gather(
        *(proxy.add_route(f"/user/u{number}/", f"http://127.0.0.1:{pod.ports[number % 8]}", {"user": "u"}) for number in range(50))
    )
    await pod.until_answers("/user/u9/", str(pod.ports[1]))
    pod.end(pod.agent)
    assert await pod.answer("/user/u9/") == str(pod.ports[1])
    pod.start_agent()
    assert len(await proxy.get_all_routes()) == 50  # it asks until somebody answers
    pod.end(pod.proxy)
    pod.start_proxy()
    await pod.until_answers("/user/u9/", str(pod.ports[1]))
    await proxy.add_route("/user/new/", f"http://127.0.0.1:{pod.ports[5]}", {"user": "new"})
    assert await pod.answer("/user/new/") == str(pod.ports[5])


async def test_a_proxy_that_lost_its_routes_is_told_them(pod: Pod) -> None:
    proxy = pod.hub_side()
    await proxy.add_route("/user/ada/", f"http://127.0.0.1:{pod.ports[5]}", {"user": "ada"})
    pod.end(pod.proxy)
    (pod.folder / "proxy-routes.map").write_text("")
    await pod.until_status("/ready", 503)
    pod.start_proxy()
    await pod.until_answers("/user/ada/", str(pod.ports[5]))
    await pod.until_status("/ready", 200)


async def test_a_pod_that_was_replaced_is_told_all_routes_at_once(pod: Pod) -> None:
    """Its folder is empty, so it knows nobody's route; and nobody but the watch tells it here, for there is no hub that looks each minute."""
    server = SimpleNamespace(host=f"http://127.0.0.1:{pod.ports[5]}")
    spawner = SimpleNamespace(ready=True, pending=None, proxy_spec="/user/ada/", server=server)
    users = {1: SimpleNamespace(name="ada", spawners={"": spawner}, url="/user/ada/")}
    proxy = pod.hub_side(WatchedHttpProxy)
    try:
        await proxy.check_routes(users, {})
        await pod.until_answers("/user/ada/", str(pod.ports[5]))
        pod.end(pod.proxy)
        pod.end(pod.agent)
        for file in pod.folder.iterdir():
            file.unlink()
        pod.start_agent()
        await pod.until_status("/health", 200)
        pod.start_proxy()
        await pod.until_answers("/user/ada/", str(pod.ports[5]))
    finally:
        proxy.unwatch()


async def test_requests_under_way_come_to_their_end_and_nobody_holds_the_pod_up(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("never"):
            await asyncio.Event().wait()
        await go_on.wait()
        return web.Response(text="saved")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with open_pod(tmp_path / "pod", LABYARD_PROXY_SOFT_STOP_SECONDS="2") as pod:
            await pod.until_status("/ready", 200)
            await pod.hub_side().add_route("/user/ada/", f"http://127.0.0.1:{runner.addresses[0][1]}", {"user": "ada"})
            saved, never = (asyncio.create_task(pod.answer(f"/user/ada/{name}")) for name in ("save", "never"))
            await until(lambda: asyncio.sleep(0, len(runner.server.connections) == 2 if runner.server else False), "both are under way")
            assert pod.proxy is not None
            pod.proxy.send_signal(signal.SIGUSR1)
            await pod.until_answers("/hub/login", "ClientConnectorError")
            go_on.set()
            assert await saved == "saved"
            assert await asyncio.to_thread(pod.proxy.wait, 20) == 0
            assert await never != "saved"
    finally:
        await runner.cleanup()


async def test_who_has_no_token_learns_and_changes_nothing(pod: Pod) -> None:
    url = f"http://127.0.0.1:{pod.api}/api/routes"
    for headers in ({}, {"Authorization": "token wrong"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}):
        for method in ("GET", "POST", "DELETE"):
            async with pod.session.request(method, f"{url}/user/ada", headers=headers, json={"target": "http://127.0.0.1:1"}) as answer:
                assert answer.status == 403
    with pytest.raises(aiohttp.ClientResponseError, match="403"):
        await pod.hub_side(auth_token="wrong").get_all_routes()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", '{"target": 3}', '{"target": "https://127.0.0.1:1"}', '{"target": "http://no.such.invalid:1"}', '{"target": "http://127.0.0.1:99999"}']
)  # fmt: skip
async def test_what_is_no_route_is_refused(pod: Pod, body: str) -> None:
    headers = {"Authorization": f"token {TOKEN}"}
    async with pod.session.post(f"http://127.0.0.1:{pod.api}/api/routes/user/ada", headers=headers, data=body) as answer:
        assert answer.status == 400, await answer.text()
        assert (await answer.json())["message"]
    async with pod.session.post(f"http://127.0.0.1:{pod.api}/api/routes/user/ada", headers=headers, data="x" * 100_000) as answer:
        assert answer.status == 413
    async with pod.session.get(f"http://127.0.0.1:{pod.api}/api/routes/user/ada", headers=headers) as answer:
        assert answer.status == 404


async def test_tls_by_a_secrets_files_and_http_leads_to_it(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "made")
    tls = tmp_path / "pod" / "tls"
    tls.mkdir(parents=True)
    (tls / "tls.crt").write_bytes(certificate.read_bytes())
    (tls / "tls.key").write_bytes(key.read_bytes())
    async with open_pod(tmp_path / "pod") as pod:
        await pod.until_status("/ready", 200)
        async with pod.session.get(
            f"http://127.0.0.1:{pod.http}/hub/login?a=b", allow_redirects=False, headers={"Host": "lab.example.org"}
        ) as answer:
            assert (answer.status, answer.headers["Location"]) == (308, "https://lab.example.org/hub/login?a=b")
        context = ssl.create_default_context(cafile=certificate)
        async with pod.session.get(f"https://127.0.0.1:{pod.https}/hub/login", ssl=context) as answer:
            assert await answer.text() == str(pod.ports[0])


async def test_behind_what_does_tls_servers_hear_of_it(tmp_path: Path) -> None:
    async with open_pod(tmp_path / "pod", LABYARD_PUBLIC_URL="https://lab.example.org/") as pod:
        await pod.until_status("/ready", 200)
        assert "X-Forwarded-Proto https" in (pod.folder / "haproxy.cfg").read_text()
        assert await pod.answer("/hub/login") == str(pod.ports[0])


async def test_routes_of_servers_with_names_of_their_own(tmp_path: Path) -> None:
    public = {"LABYARD_PUBLIC_URL": "http://labyard.localhost:8000/", "LABYARD_ORIGINS": "separate"}
    route = "ada.labyard.localhost/user/ada/"
    async with open_pod(tmp_path / "pod", **public) as pod:
        hub = pod.hub_side(host_routing=True)
        await hub.add_route("/", f"http://127.0.0.1:{pod.ports[0]}", {"hub": True})
        await hub.add_route(route, f"http://127.0.0.1:{pod.ports[3]}", {"user": "ada"})
        assert (await hub.get_all_routes()).keys() == {"/", route}

        async def answer(host: str, path: str) -> str:
            headers = {"Host": f"{host}:8000"}
            async with pod.session.get(f"http://127.0.0.1:{pod.http}{path}", headers=headers, allow_redirects=False) as answer:
                return await answer.text() if answer.status == 200 else str(answer.status)

        for path, port in (("/hub/home", 0), ("/services/labyard/x", 1), ("/services/mlflow/x", 2)):
            assert await answer("labyard.localhost", path) == str(pod.ports[port])
            assert await answer("ada.labyard.localhost", path) == "503"
        assert await answer("ada.labyard.localhost", "/services/labyard/assets/x") == str(pod.ports[1])
        assert await answer("ada.labyard.localhost", "/user/ada/lab") == str(pod.ports[3])
        assert await answer("labyard.localhost", "/user/ada/lab") == "307"
        await hub.delete_route(route)
        assert await answer("ada.labyard.localhost", "/user/ada/lab") == "503"
        assert (await hub.get_all_routes()).keys() == {"/"}
