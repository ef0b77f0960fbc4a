"""Which host name leads where, and what a page of a server's name cannot have a browser do at the hub's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from labyard_hub.backends.local.runtime import proxy_socket
from tests.integration.routing import Routing, make_proxy, open_routing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@dataclass
class Hosts:
    """A proxy before parts that each answer with their name and the path."""

    routing: Routing
    routes: Any

    @property
    def base(self) -> str:
        return self.routing.platform.origins.base

    async def ask(self, host: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Return status and text of an answer, or the place that a redirect leads to."""
        port = self.routing.platform.port
        sent = {"Host": f"{host}:{port}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        url = URL(f"http://127.0.0.1:{port}{path}", encoded=True)
        async with self.routing.session.request(method, url, headers=sent, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()


@pytest.fixture
async def hosts(tmp_path: Path) -> AsyncIterator[Hosts]:
    async with AsyncExitStack() as stack:
        routing = await stack.enter_async_context(open_routing(tmp_path, origins="separate"))
        platform = routing.platform
        ports = {"hub": platform.hub_port, "service": platform.service_port, "mlflow": platform.mlflow_port, "ada": 0}
        for name, port in list(ports.items()):
            ports[name] = await _serve(stack, name, port)
        routes = make_proxy(routing.file.parent, proxy_socket(routing.state), host_routing=True)
        await routes.add_route("/", f"http://127.0.0.1:{ports['hub']}", {})
        await routes.add_route("ada.labyard.localhost/user/ada/", f"http://127.0.0.1:{ports['ada']}", {})
        yield Hosts(routing, routes)


def routing_socket(routing: Routing) -> Path:
    from labyard_hub.backends.local.runtime import proxy_socket

    return proxy_socket(routing.state)


async def _serve(stack: AsyncExitStack, name: str, port: int) -> int:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{name} {request.raw_path}")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return int(runner.addresses[0][1])


async def test_each_name_leads_to_what_it_is_for(hosts: Hosts) -> None:
    ask, base = hosts.ask, hosts.base
    assert await ask("labyard.localhost", "/hub/home") == (200, "hub /hub/home")
    assert await ask("LABYARD.localhost", "/services/mlflow/x") == (200, "mlflow /services/mlflow/x")
    assert await ask("labyard.localhost", "/services/labyard/x") == (200, "service /services/labyard/x")
    assert await ask("ada.labyard.localhost", "/user/ada/lab?x=1") == (200, "ada /user/ada/lab?x=1")
    assert await ask("Ada.Labyard.Localhost", "/user/%61da/lab") == (200, "ada /user/%61da/lab")
    # JupyterLab's own files, which are the same for everybody.
    assert await ask("ada.labyard.localhost", "/services/labyard/assets/0/x") == (200, "service /services/labyard/assets/0/x")
    # The hub, the service and MLflow are at no server's name, and no server is at theirs or at another's.
    for path in ("/hub/token", "/services/labyard/api/v1/projects", "/services/mlflow/", "/"):
        assert await ask("ada.labyard.localhost", path, **PAGE) == (302, base + path)
        assert (await ask("ada.labyard.localhost", path))[0] == 503
    own = base.replace("//", "//ada.") + "/user/ada/lab?x=1"
    for host in ("labyard.localhost", "bob.labyard.localhost", "x.ada.labyard.localhost"):
        assert await ask(host, "/user/ada/lab?x=1") == (307, own)
    assert await ask("bob.labyard.localhost", "/user/bob/lab?x", **PAGE) == (302, f"{base}/hub/user/bob/lab?x")
    assert (await ask("bob.labyard.localhost", "/user/bob/api/contents", "PUT"))[0] == 503


async def test_other_names_lead_to_the_right_one_and_serve_programs_without_a_server(hosts: Hosts) -> None:
    ask, base = hosts.ask, hosts.base
    for host in ("127.0.0.1", "localhost", "evil.example", "labyard.localhost.evil.example", "evillabyard.localhost"):
        assert await ask(host, "/hub/home?x", **PAGE) == (307, f"{base}/hub/home?x")
        assert await ask(host, "/services/labyard/api/v1/me", Authorization="token x") == (200, "service /services/labyard/api/v1/me")
        assert (await ask(host, "/user/ada/api/contents", Authorization="token x"))[0] == 307
        assert (await ask(host, "/hub/api/user", Cookie="x=1"))[0] == 421
        assert (await ask(host, "/hub/api/user", "POST", Origin=f"http://{host}"))[0] == 421


async def test_routes_that_an_earlier_run_left_lead_to_no_server_at_the_hubs_name(hosts: Hosts) -> None:
    stale = make_proxy(hosts.routing.file.parent, proxy_socket(hosts.routing.state))
    ada = (await hosts.routes.get_all_routes())["ada.labyard.localhost/user/ada/"]["target"]
    await stale.add_route("/user/old/", ada, {})
    assert (await hosts.ask("labyard.localhost", "/user/old/x"))[0] == 307
    for path in ("/user/%6fld/x", "/%75ser/old/x", "/user/Old/x"):
        assert (await hosts.ask("labyard.localhost", path))[1].partition(" ")[0] == "hub", path


async def test_pages_of_servers_change_and_read_nothing_at_the_hub(hosts: Hosts) -> None:
    ask, base = hosts.ask, hosts.base
    sibling = base.replace("//", "//bob.")
    for path in ("/hub/api/users/ada/tokens", "/services/labyard/api/v1/projects", "/services/mlflow/x"):
        for origin in (sibling, "null", "http://evil.example"):
            assert (await ask("labyard.localhost", path, "POST", Origin=origin))[0] == 403
        assert (await ask("labyard.localhost", path, "POST", Origin=base))[0] == 200
        assert (await ask("labyard.localhost", path, "POST"))[0] == 200, "programs send none"
        for site in ("same-site", "cross-site"):
            for mode in ("cors", "no-cors", "websocket"):
                assert (await ask("labyard.localhost", path, Sec_Fetch_Site=site, Sec_Fetch_Mode=mode))[0] == 403
            assert (await ask("labyard.localhost", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate"))[0] == 200
        assert (await ask("labyard.localhost", path, Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors"))[0] == 200
    assert (await ask("labyard.localhost", "/services/labyard/assets/x", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="cors"))[0] == 200


async def test_a_cookie_that_comes_twice_is_taken_from_nobody(hosts: Hosts) -> None:
    port = hosts.routing.platform.port
    for name in ("__Host-jupyterhub-hub-login", "jupyterhub-session-id", "__Host-labyard-session"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)  # aiohttp would send one of them
        writer.write(
            f"GET /hub/home HTTP/1.1\r\nHost: labyard.localhost:{port}\r\nCookie: {name}=a; x=1; {name}=b\r\nConnection: close\r\n\r\n".encode()
        )
        answer = (await reader.read()).decode()
        writer.close()
        assert answer.startswith("HTTP/1.1 400")
        assert 'clear-site-data: "cookies"' in answer.lower()
