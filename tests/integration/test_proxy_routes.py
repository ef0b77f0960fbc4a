"""The routes outlive a killed proxy, a killed hub and a broken file, and never lead to a wrong server.

The proxy is the real Traefik; the hub's side of it runs here, or in a process that is killed, or in a whole `labyard up`.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from labyard_hub.config.platform import Platform, choose_platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.hub_plugins.proxy import LabyardProxy
from labyard_hub.supervisor.proxy import proxy_process
from tests.integration.kernels import KernelConnection
from tests.platform import Browserless, start_platform

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PASSWORD = "correct horse battery"
API_PASSWORD = "password-of-the-proxy"
ROUTES = 200
TARGETS = 8
"""Servers behind; each says its port, so a wrong target is seen."""


async def until(condition: Callable[[], Awaitable[Any]], what: str, timeout_seconds: float = 30) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not await condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_seconds} s"
        await asyncio.sleep(0.05)


@dataclass
class Routing:
    """A Traefik and servers behind it."""

    state: StateFolder
    platform: Platform
    ports: list[int]
    session: aiohttp.ClientSession
    traefik: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self.state.run_private / "proxy-routes.yaml"

    def start_traefik(self) -> None:
        spec = proxy_process(self.state, self.platform, ListenSettings())
        with (self.state.logs / "proxy.log").open("ab") as log:
            self.traefik = subprocess.Popen(spec.argv, env=dict(spec.env), stdout=log, stderr=log)

    def kill_traefik(self) -> None:
        assert self.traefik is not None
        self.traefik.kill()
        self.traefik.wait()

    def hub_side(self, **changes: Any) -> LabyardProxy:
        """Return what a starting hub has."""
        return make_proxy(self.file, self.platform.proxy_api_port, **changes)

    def target(self, number: int) -> str:
        return f"http://127.0.0.1:{self.ports[number % TARGETS]}"

    async def answer(self, path: str) -> str:
        """Return the port of the server that answers for `path`; the status where it is not 200."""
        try:
            async with self.session.get(f"{self.platform.bind_url.rstrip('/')}{path}") as answer:
                return await answer.text() if answer.status == 200 else str(answer.status)
        except aiohttp.ClientError as error:
            return type(error).__name__

    async def wrong(self, expected: dict[str, str]) -> dict[str, str]:
        """Return the routes that do not lead where they should."""
        answers = await asyncio.gather(*(self.answer(f"{path}x") for path in expected))
        return {path: got for (path, want), got in zip(expected.items(), answers, strict=True) if got != want}

    async def all_right(self, expected: dict[str, str], what: str) -> None:
        async def right() -> bool:
            return not await self.wrong(expected)

        try:
            await until(right, what, 20)
        except AssertionError:
            pytest.fail(f"{what}: {await self.wrong(expected)}")


def make_proxy(file: Path, api_port: int, **changes: Any) -> LabyardProxy:
    hub = SimpleNamespace(routespec="/", host="http://127.0.0.1:1", api_url="")
    options: dict[str, Any] = {
        "should_start": False, "traefik_api_url": f"http://127.0.0.1:{api_port}", "traefik_api_username": "labyard",
        "traefik_api_password": API_PASSWORD, "dynamic_config_file": str(file), "traefik_entrypoint": "http", "public_url": "http://127.0.0.1:1/",
        "hub": hub, "app": SimpleNamespace(hub=hub),
    }  # fmt: skip
    return LabyardProxy(**{**options, **changes})


@pytest.fixture
async def routing(tmp_path: Path) -> AsyncIterator[Routing]:
    async with servers() as ports, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
        state = StateFolder.open(tmp_path / "state")
        platform = choose_platform(ListenSettings(port=0), state, proxy_runs=False, hub_runs=False)
        routing = Routing(state, platform, ports, session)
        routing.start_traefik()
        try:
            yield routing
        finally:
            routing.kill_traefik()


@asynccontextmanager
async def servers() -> AsyncIterator[list[int]]:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        return web.Response(text=str(request.transport.get_extra_info("sockname")[1]))

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    for _ in range(TARGETS):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield [address[1] for address in runner.addresses]
    finally:
        await runner.cleanup()


async def add_many(routing: Routing, proxy: LabyardProxy, numbers: range) -> dict[str, str]:
    if "/" not in await proxy.get_all_routes():
        await proxy.add_route("/", "http://127.0.0.1:1", {"hub": True})
    paths = {f"/user/u{number}/": number for number in numbers}
    await asyncio.gather(*(proxy.add_route(path, routing.target(number), {"user": path}) for path, number in paths.items()))
    return {path: str(routing.ports[number % TARGETS]) for path, number in paths.items()}


async def test_routes_survive_a_killed_proxy(routing: Routing) -> None:
    proxy = routing.hub_side()
    expected = await add_many(routing, proxy, range(ROUTES))
    await routing.all_right(expected, "all routes lead to their servers")
    for _ in range(2):
        routing.kill_traefik()
        routing.start_traefik()
        await routing.all_right(expected, "all routes are back")
    assert await routing.answer("/user/nobody/x") == "502"


async def test_the_way_to_tools_comes_and_goes_with_the_server_and_is_known_to_the_next_hub(routing: Routing) -> None:
    server, front = routing.ports[:2]
    spawner = SimpleNamespace(
        proxy_spec="/user/ada/", server=SimpleNamespace(host=f"http://127.0.0.1:{server}"), pending=None, front_port=front, ready=True
    )
    ada = SimpleNamespace(name="ada", proxy_spec="/user/ada/", spawners={"": spawner})
    expected = {"/user/ada/": str(server), "/user/ada/labyard/tools/": str(front), "/user/ada/labyard/": str(server)}
    proxy = routing.hub_side()
    await proxy.add_user(ada)
    await routing.all_right(expected, "both ways lead there")
    routing.kill_traefik()
    routing.start_traefik()
    await routing.all_right(expected, "both are back")
    proxy = routing.hub_side()
    await proxy.check_routes({"ada": ada}, {})
    await routing.all_right(expected, "the next hub keeps both")
    await proxy.delete_user(ada)
    await routing.all_right(dict.fromkeys(expected, "502"), "both are gone")
    assert str(front) not in routing.file.read_text()


async def test_storms_leave_what_should_be_left(routing: Routing) -> None:
    """Routes come and go at once, and servers come back on other ports, twice; once the proxy is killed meanwhile."""
    proxy = routing.hub_side()
    expected = await add_many(routing, proxy, range(100))
    for storm in range(2):
        moved = {path: routing.ports[(number + storm + 1) % TARGETS] for number, path in enumerate(list(expected)[:50])}
        gone = list(expected)[50:75]
        changes = [proxy.add_route(path, f"http://127.0.0.1:{port}", {"user": path}) for path, port in moved.items()]
        changes += [proxy.delete_route(path) for path in gone]
        random.shuffle(changes)
        storming = asyncio.gather(*changes, add_many(routing, proxy, range(200 + 25 * storm, 225 + 25 * storm)))
        if storm:
            routing.kill_traefik()
            routing.start_traefik()
        expected.update((await storming)[-1])
        expected.update({path: str(port) for path, port in moved.items()})
        for path in gone:
            del expected[path]
        await routing.all_right({**expected, **dict.fromkeys(gone, "502")}, f"after storm {storm}")
    assert set(await proxy.get_all_routes()) == {"/", *expected}


HUB = """
import asyncio, pathlib, sys
from tests.integration.test_proxy_routes import make_proxy

async def main(file, api_port, target, first):
    proxy = make_proxy(pathlib.Path(file), int(api_port))
    number = int(first)
    while True:
        await proxy.add_route(f"/user/u{number}/", target, {"user": str(number)})
        print(number, flush=True)
        number += 1

asyncio.run(main(*sys.argv[1:]))
"""


async def test_routes_survive_a_hub_that_is_killed_while_it_writes(routing: Routing) -> None:
    """What it had said to be there is there, the file is whole, and the next hub goes on from it."""
    expected: dict[str, str] = {}
    for life in range(4):
        command = [
            sys.executable,
            "-c",
            HUB,
            str(routing.file),
            str(routing.platform.proxy_api_port),
            routing.target(life),
            str(1000 * life),
        ]
        child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        assert child.stdout is not None
        for _ in range(10 + 3 * life):
            line = await asyncio.wait_for(child.stdout.readline(), 30)
            expected[f"/user/u{int(line)}/"] = str(routing.ports[life % TARGETS])
        # It writes all the time: somewhere in this span it is in the middle of that.
        await asyncio.sleep(random.random() / 50)
        child.kill()
        for line in (await child.stdout.read()).splitlines():
            expected[f"/user/u{int(line)}/"] = str(routing.ports[life % TARGETS])
        await child.wait()
        json.loads(routing.file.read_text().splitlines()[0])
        await routing.all_right(expected, f"after life {life}")
    routing.kill_traefik()
    routing.start_traefik()
    proxy = routing.hub_side()
    await routing.all_right(expected, "with the next proxy")
    assert set(expected) <= set(await proxy.get_all_routes())


BROKEN = [
    "",
    "{",
    "null",
    "[]",
    '{"http": null}',
    '{"http": {"routers": []}, "jupyterhub": 3}',
    '{"jupyterhub": {"routes": {"x": {}}}}',
    "half",
]


def break_file(file: Path, text: str) -> None:
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2] if text == "half" else text)


@pytest.mark.parametrize("text", ["", "null", "half"])
async def test_a_broken_file_is_written_anew_by_the_running_hub(routing: Routing, text: str) -> None:
    """The hub looks at its routes every minute; it knows all, so nothing is lost."""
    proxy = routing.hub_side()
    expected = await add_many(routing, proxy, range(20))
    break_file(routing.file, text)
    routing.kill_traefik()
    routing.start_traefik()
    users = await as_users(proxy)
    await proxy.check_routes(users, {})
    await routing.all_right(expected, "written anew")


@pytest.mark.parametrize("text", BROKEN)
async def test_a_hub_starts_on_a_broken_file(routing: Routing, text: str) -> None:
    expected = await add_many(routing, routing.hub_side(), range(20))
    break_file(routing.file, text)
    proxy = routing.hub_side()
    again = await add_many(routing, proxy, range(20))
    assert again == expected
    await routing.all_right(expected, "added again")
    assert set(await proxy.get_all_routes()) == {"/", *expected}


async def as_users(proxy: LabyardProxy) -> dict[str, Any]:
    """Return the routes as the hub's users with running servers."""
    return {
        path: SimpleNamespace(
            name=path,
            spawners={"": SimpleNamespace(ready=True, pending=None, proxy_spec=path, server=SimpleNamespace(host=route["target"]))},
        )
        for path, route in (await proxy.get_all_routes()).items()
        if path != "/"
    }


async def test_a_lost_file_and_a_disk_that_was_full(routing: Routing) -> None:
    proxy = routing.hub_side()
    expected = await add_many(routing, proxy, range(5))
    routing.file.unlink()
    await proxy.check_routes(await as_users(proxy), {})
    await routing.all_right(expected, "the file is back")

    # A folder in its place stands for a full disk: what could not be written is written by the next look at the routes.
    routing.file.unlink()
    routing.file.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        await proxy.delete_route("/user/u0/")
    routing.file.rmdir()
    await proxy.check_routes(await as_users(proxy), {})
    del expected["/user/u0/"]
    await routing.all_right({**expected, "/user/u0/": "502"}, "the route that was deleted while nothing could be written is gone")


async def test_another_password_entry_point_or_service_takes_effect_on_old_routes(routing: Routing) -> None:
    """What an earlier start wrote is no more than a list of routes; the rest is this start's."""
    service = {"http": {"services": {"labyard-x": {"loadBalancer": {"servers": [{"url": routing.target(1)}]}}}}}
    old = routing.hub_side(extra_dynamic_config=service)
    expected = await add_many(routing, old, range(3))
    configuration, remembered = routing.file.read_text().splitlines()
    written = json.loads(configuration)
    written["http"]["middlewares"]["auth_api"]["basicAuth"]["users"] = ["labyard:$2b$12$invalid"]
    written["tls"] = {"stores": {"default": {"defaultCertificate": {"certFile": "/gone.pem", "keyFile": "/gone.key"}}}}
    for router in written["http"]["routers"].values():
        router["entryPoints"] = ["gone"]
    routing.file.write_text(f"{json.dumps(written)}\n{remembered}\n")
    routing.kill_traefik()
    routing.start_traefik()
    proxy = routing.hub_side()
    await proxy.check_routes(await as_users(proxy), {})
    await proxy.add_route("/user/new/", routing.target(3), {})
    await routing.all_right({**expected, "/user/new/": str(routing.ports[3])}, "all by this start's settings")
    now = json.loads(routing.file.read_text().splitlines()[0])
    assert "tls" not in now
    assert "labyard-x" not in now["http"]["services"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate_file, key_file


def trusting(url: str, certificate: Path) -> Browserless:
    session = Browserless(url)
    session.http.close()
    context = ssl.create_default_context(cafile=certificate)
    session.http = httpx.Client(base_url=url, follow_redirects=True, timeout=60, trust_env=False, verify=context)
    return session


def test_tls_also_on_a_state_folder_that_had_none(open_folder: Path, certificate: tuple[Path, Path]) -> None:
    certificate_file, key_file = certificate
    (open_folder / "config.yaml").write_text("tools: {enabled: []}\n")
    config = ("--config", str(open_folder / "config.yaml"))
    with start_platform(open_folder / "state", *config) as plain:
        plain.add_user("ada", PASSWORD)
        plain.session("ada", PASSWORD).start_server("ada")
    options = (*config, "--tls-certificate", str(certificate_file), "--tls-key", str(key_file))
    with start_platform(open_folder / "state", *options) as running:
        assert running.url.startswith("https://127.0.0.1:")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(running.url)
        session = trusting(running.url, certificate_file)
        running.clients.append(session.http)
        answers: list[httpx.Response] = []
        session.http.event_hooks["response"].append(answers.append)
        assert session.sign_in("ada", PASSWORD).url.path == "/hub/home"
        session.start_server("ada")
        assert session.http.get("user/ada/lab").status_code == 200
        assert session.http.get("services/labyard/login?next=/services/labyard/api/v1/me").json()["name"] == "ada"
        cookies = [
            value for answer in answers for name, value in answer.headers.multi_items() if name == "set-cookie" and "Max-Age=0" not in value
        ]
        assert {value.partition("=")[0] for value in cookies} >= {"_xsrf", "jupyterhub-hub-login", "jupyterhub-session-id"}
        for value in cookies:
            deleted = "expires=" in value.lower() and value.partition(";")[0].endswith('=""')
            assert deleted or "secure" in value.lower(), value
        token = session.token("ada")
        server = session.http
        headers = {"Authorization": f"token {token}"}
        kernel = server.post("user/ada/api/kernels", json={"name": "python3"}, headers=headers).json()["id"]
        with KernelConnection(f"{running.url}user/ada/", kernel, token, ca_file=str(certificate_file)) as connection:
            assert connection.result("print(6 * 7)") == "42\n"
        assert plain_http(running.url) != 200


def plain_http(url: str) -> int:
    try:
        return httpx.get(url.replace("https", "http", 1)).status_code
    except httpx.HTTPError:
        return 0
