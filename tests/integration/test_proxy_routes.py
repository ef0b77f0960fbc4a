"""The routes outlive a killed proxy, a killed hub and a broken file, and never lead to a wrong server.

The proxy is the real HAProxy; the hub's side of it runs here, or in a process that is killed, or in a whole `labyard up`.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from jupyterhub.proxy import Proxy

from labyard_hub.hub_process.proxy import AT_A_TIME
from tests.certificates import make_certificate
from tests.integration.kernels import KernelConnection
from tests.integration.routing import TARGETS, Routing, add_many, as_users, open_routing
from tests.platform import Browserless, Http, start_platform

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PASSWORD = "correct horse battery"
ROUTES = 200


@pytest.fixture
async def routing(tmp_path: Path) -> AsyncIterator[Routing]:
    async with open_routing(tmp_path) as routing:
        yield routing


async def test_routes_survive_a_killed_proxy(routing: Routing) -> None:
    proxy = routing.hub_side()
    expected = await add_many(routing, proxy, range(ROUTES))
    await routing.all_right(expected, "all routes lead to their servers")
    for _ in range(2):
        routing.kill_proxy()
        routing.start_proxy()
        await routing.all_right(expected, "all routes are back")
    assert await routing.answer("/user/nobody/x") == "503"


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
            routing.kill_proxy()
            routing.start_proxy()
        expected.update((await storming)[-1])
        expected.update({path: str(port) for path, port in moved.items()})
        for path in gone:
            del expected[path]
        await routing.all_right({**expected, **dict.fromkeys(gone, "503")}, f"after storm {storm}")
    assert set(await proxy.get_all_routes()) == {"/", *expected}


async def test_routes_survive_a_hub_that_is_killed_while_it_writes(routing: Routing) -> None:
    """What it had said to be there is there, the file is whole, and the next hub goes on from it."""
    expected: dict[str, str] = {}
    for life in range(4):
        child = await routing.start_hub(life)
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
        assert all(len(line.split(" ", 1)) == 2 for line in routing.file.read_text().splitlines())
        await routing.all_right(expected, f"after life {life}")
    routing.kill_proxy()
    routing.start_proxy()
    proxy = routing.hub_side()
    await routing.all_right(expected, "with the next proxy")
    assert set(expected) <= set(await proxy.get_all_routes())


async def test_the_hubs_look_at_good_routes_lets_others_through_and_mends_what_is_wrong(
    routing: Routing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every minute, with ten thousand servers too. JupyterHub's own look, in one piece, is left for what is wrong."""
    proxy = routing.hub_side()
    numbers = range(4 * AT_A_TIME)
    expected = await add_many(routing, proxy, numbers)
    users = await as_users(proxy)
    starting, stopped = list(users.values())[:2]
    starting.spawners[""].ready, starting.spawners[""].pending = False, "spawn"
    whole_looks = []
    upstream = Proxy.check_routes

    async def look(*arguments: object) -> None:
        whole_looks.append(arguments)
        await upstream(*arguments)

    monkeypatch.setattr(Proxy, "check_routes", look)
    passes = 0

    async def count() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(count())
    try:
        await proxy.check_routes(users, {})
    finally:
        others.cancel()
    assert whole_looks == []
    assert passes >= len(numbers) // AT_A_TIME

    # A route that leads elsewhere, one too few, one too many; each is mended.
    path = stopped.spawners[""].proxy_spec
    await proxy.add_route(path, "http://127.0.0.1:1", {"user": path})
    await proxy.check_routes(users, {})
    await routing.all_right(expected, "it leads to its server again")
    await proxy.delete_route(path)
    await proxy.check_routes(users, {})
    await routing.all_right(expected, "it is back")
    stopped.spawners.clear()
    await proxy.check_routes(users, {})
    assert path not in await proxy.get_all_routes()
    assert len(whole_looks) == 3
    await proxy.check_routes(users, {})
    assert len(whole_looks) == 3


async def test_the_routes_of_the_hub_and_of_services_are_looked_at_too(routing: Routing) -> None:
    proxy = routing.hub_side()
    await add_many(routing, proxy, range(2))
    users = await as_users(proxy)
    service = SimpleNamespace(name="shown", proxy_spec="/services/shown/", server=SimpleNamespace(host=routing.target(1)))
    hidden = SimpleNamespace(name="hidden", server=None)
    proxy.hub.host = proxy.app.hub.host = "http://127.0.0.1:2"
    await proxy.check_routes(users, {"shown": service, "hidden": hidden})
    routes = await proxy.get_all_routes()
    assert routes["/"]["target"] == "http://127.0.0.1:2"
    assert routes["/services/shown/"]["target"] == routing.target(1)
    await proxy.check_routes(users, {})
    assert "/services/shown/" not in await proxy.get_all_routes()


BROKEN = ["", "{", "null", "%2Fuser%2Fu1", "# {}\n", '# {"path": 3}\n# []\n', "\0\0\0", "half"]


def break_file(file: Path, text: str) -> None:
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2] if text == "half" else text)


@pytest.mark.parametrize("text", ["", "null", "half"])
async def test_a_broken_file_is_written_anew_by_the_running_hub(routing: Routing, text: str) -> None:
    """The hub looks at its routes every minute; it knows all, so nothing is lost."""
    proxy = routing.hub_side()
    expected = await add_many(routing, proxy, range(20))
    break_file(routing.file, text)
    routing.kill_proxy()
    routing.start_proxy()
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
    await routing.all_right({**expected, "/user/u0/": "503"}, "the route that was deleted while nothing could be written is gone")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def trusting(url: str, certificate: Path) -> Browserless:
    session = Browserless(url)
    session.http.close()
    context = ssl.create_default_context(cafile=certificate)
    session.http = Http(url, follow_redirects=True, timeout=60, verify=context)
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
        assert running.url.startswith("https://labyard.localhost:")
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
        assert {value.partition("=")[0] for value in cookies} >= {"_xsrf", "__Host-jupyterhub-hub-login", "jupyterhub-session-id"}
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
