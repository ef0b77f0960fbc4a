"""Jupyter Server's authorizer is asked for everything: the REST routes, tools and ports."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator

import aiohttp
import httpx
import pytest

from tests.labyard_lab.conftest import TOKEN, LabServer, echo_tool

# Allows what the file says; who may only look at a shared server has "read".
AUTHORIZER = """
from jupyter_server.auth import Authorizer
from pathlib import Path

class ByFile(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        with Path({log!r}).open("a") as log:
            log.write(f"{{resource}} {{action}}\\n")
        return action in Path({allowed!r}).read_text().split()

c.ServerApp.authorizer_class = ByFile
"""
HEADERS = {"Authorization": f"token {TOKEN}"}


class GuardedServer(LabServer):
    """A Jupyter server whose authorizer a test can change."""

    def allow(self, *actions: str) -> None:
        (self.folder.parent / "allowed").write_text(" ".join(actions))
        (self.folder.parent / "asked").write_text("")

    def asked(self) -> set[str]:
        return set((self.folder.parent / "asked").read_text().splitlines())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    folder = tmp_path_factory.mktemp("authorizer")
    (folder / "allowed").write_text("read write execute")
    config = AUTHORIZER.format(log=str(folder / "asked"), allowed=str(folder / "allowed"))
    server = GuardedServer(folder / "server", [echo_tool()], config=config)
    server.open("echo")
    yield server
    server.remove()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A port that tells what it gets, not known to Labyard."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{self.path}\n{self.headers}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield web.server_address[1]
        web.shutdown()


TOOL = "labyard/tools/echo/x"
API = "labyard/api/v1/"

REQUESTS = [
    ("GET", API + "tools", "read"),
    ("GET", API + "instances", "read"),
    ("GET", API + "instances/echo", "read"),
    ("POST", API + "instances", "execute"),
    ("DELETE", API + "instances/echo", "execute"),
    ("POST", API + "instances/echo/restart", "execute"),
    ("GET", TOOL, "read"),
    ("HEAD", TOOL, "read"),
    ("OPTIONS", TOOL, "read"),
    ("POST", TOOL, "write"),
    ("PUT", TOOL, "write"),
    ("PATCH", TOOL, "write"),
    ("DELETE", TOOL, "write"),
]


@pytest.mark.parametrize(("method", "path", "action"), REQUESTS)
def test_refusal(server: GuardedServer, method: str, path: str, action: str) -> None:
    server.allow(*{"read", "write", "execute"} - {action})
    assert httpx.request(method, server.url + path, headers=HEADERS).status_code == 403
    assert server.asked() == {f"labyard {action}"}


@pytest.mark.parametrize(("method", "path", "action"), [one for one in REQUESTS if one[2] == "read"])
def test_a_reader_may_look(server: GuardedServer, method: str, path: str, action: str) -> None:
    server.allow(action)
    assert httpx.request(method, server.url + path, headers=HEADERS).status_code == 200
    assert server.client.get("instances/echo").json()["state"] == "running"


def test_an_unknown_instance_is_not_told_from_a_known_one(server: GuardedServer) -> None:
    server.allow()
    assert httpx.get(server.url + "labyard/tools/nope/", headers=HEADERS).status_code == 403


async def handshake(url: str) -> int:
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        try:
            await (await session.ws_connect(url)).close()
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        return 101


async def test_websockets(server: GuardedServer) -> None:
    server.allow("read", "write")
    assert await handshake(server.url + "labyard/tools/echo/socket") == 403
    assert server.asked() == {"labyard execute"}
    server.allow("execute")
    assert await handshake(server.url + "labyard/tools/echo/socket") == 101


@pytest.mark.parametrize(
    "path", ["proxy/{port}/x", "proxy/absolute/{port}/x", "proxy/127.0.0.1:{port}/x", "proxy/absolute/localhost:{port}/x"]
)
def test_port_proxy_asks(server: GuardedServer, port: int, path: str) -> None:
    url = server.url + path.format(port=port)
    server.allow()
    assert httpx.get(url, headers=HEADERS).status_code == 403
    assert httpx.post(url, headers=HEADERS).status_code == 403
    assert server.asked() == {"server-proxy read", "server-proxy write"}
    server.allow("read")
    assert httpx.get(url, headers=HEADERS).status_code == 200
    assert httpx.post(url, headers=HEADERS).status_code == 403
    assert httpx.get(url).status_code == 302


async def test_port_proxy_asks_for_websockets(server: GuardedServer, port: int) -> None:
    server.allow("read", "write")
    assert await handshake(f"{server.url}proxy/{port}/x") == 403
    assert await asyncio.to_thread(server.asked) == {"server-proxy execute"}


def test_port_proxy_keeps_credentials_back(server: GuardedServer, port: int) -> None:
    server.allow("read")
    headers = {**HEADERS, "Cookie": "jupyterhub-user-ada=secret; _xsrf=secret; mine=1"}
    for path in (f"proxy/{port}/x?token={TOKEN}&a=1", f"proxy/127.0.0.1:{port}/x?a=1&token={TOKEN}"):
        text = httpx.get(server.url + path, headers=headers).text
        assert text.startswith("/x?a=1\n")
        assert TOKEN not in text
        assert "secret" not in text
        assert "Cookie: mine=1" in text
