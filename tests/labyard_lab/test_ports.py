"""``/proxy/PORT`` of a real Jupyter server, to a program that Labyard has not started. The authorizer's part is in `test_authorizer`."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import httpx
import psutil
import pytest

from tests.labyard_lab.conftest import ECHO_TOOL, TOKEN, LabServer
from tests.waiting import wait_until
from tests.workers import free_port

AUTHORIZATION = {"Authorization": f"token {TOKEN}"}
LARGE = 600 * 2**20
MORE_MEMORY = 60 * 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    often = {"JUPYTERHUB_ACTIVITY_INTERVAL": "2"}  # so often it is looked for use
    server = LabServer(tmp_path_factory.mktemp("ports"), [], environment=often)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, ECHO_TOOL, "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), "the program on the port")
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.TransportError:
        return False


def raw_get(server: LabServer, target: str) -> bytes:
    """Ask by a plain socket, because clients normalise."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\nAuthorization: token {TOKEN}\r\n\r\n"
        connection.sendall(head.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("path", ["a%23b", "a%3Fb", "a%2Fb", "a%20b//c/./d", "?q=%26%23&q=a+b", ""])
def test_a_path_arrives_byte_for_byte(server: LabServer, port: int, path: str) -> None:
    for way in (f"proxy/{port}", f"proxy/localhost:{port}", f"proxy/127.0.0.1:{port}"):
        assert f'"uri": "/{path}"'.encode() in raw_get(server, f"/user/ada/{way}/{path}")
    absolute = f"/user/ada/proxy/absolute/{port}/{path}"
    assert f'"uri": "{absolute}"'.encode() in raw_get(server, absolute)


def test_a_path_without_slash_is_the_port_s_root(server: LabServer, port: int) -> None:
    assert httpx.get(f"{server.url}proxy/{port}?a=1", headers=AUTHORIZATION).json()["uri"] == "/?a=1"


@pytest.mark.parametrize("wanted", ["0", "65536", "99999999"])
def test_a_port_that_cannot_be_is_not_found(server: LabServer, wanted: str) -> None:
    assert httpx.get(f"{server.url}proxy/{wanted}/x", headers=AUTHORIZATION).status_code == 404


def test_a_port_where_nothing_listens_says_so(server: LabServer) -> None:
    answer = httpx.get(f"{server.url}proxy/{free_port()}/x", headers=AUTHORIZATION)
    assert answer.status_code == 502
    assert "does not take connections" in answer.json()["error"]["message"]


def test_other_hosts_are_refused(server: LabServer, port: int) -> None:
    answer = httpx.get(f"{server.url}proxy/192.0.2.1:{port}/x", headers={**AUTHORIZATION, "Accept": "application/json"})
    assert (answer.status_code, "host_allowlist" in answer.text) == (403, True)


def test_hosts_of_the_configuration_are_allowed(tmp_path: Path, port: int) -> None:
    server = LabServer(tmp_path / "server", [], "c.ServerProxy.host_allowlist = ['127.0.0.2']\n")
    try:
        # The program listens on 127.0.0.1 alone, so the request gets as far as the connection.
        assert httpx.get(f"{server.url}proxy/127.0.0.2:{port}/x", headers=AUTHORIZATION).status_code == 502
        assert httpx.get(f"{server.url}proxy/{port}/x", headers=AUTHORIZATION).status_code == 403
    finally:
        server.remove()


def test_a_program_hears_where_it_is(server: LabServer, port: int) -> None:
    headers = {name.lower(): value for name, value in httpx.get(f"{server.url}proxy/{port}/x", headers=AUTHORIZATION).json()["headers"]}
    for name in ("x-forwarded-prefix", "x-forwarded-context", "x-proxycontextpath"):
        assert headers[name] == f"/user/ada/proxy/{port}"
    assert "authorization" not in headers


def test_redirects_and_cookies_stay_below_the_port(server: LabServer, port: int) -> None:
    url = f"{server.url}proxy/{port}/"
    for to in ("/b", f"http://localhost:{port}/b", f"http://127.0.0.1:{port}/b"):
        assert httpx.get(url + "redirect", params={"to": to}, headers=AUTHORIZATION).headers["Location"] == f"/user/ada/proxy/{port}/b"
    sent = httpx.get(url + "cookies", params={"set": ["a=1; Path=/", "_xsrf=evil; Path=/"]}, headers=AUTHORIZATION)
    assert [one for one in sent.headers.get_list("Set-Cookie") if not one.startswith("username-")] == [f"a=1; Path=/user/ada/proxy/{port}/"]


def test_a_chunked_answer_arrives_as_it_is_written(server: LabServer, port: int, tmp_path: Path) -> None:
    query = {"count": 3, "go": str(tmp_path / "go"), "type": "text/plain"}
    with httpx.stream("GET", f"{server.url}proxy/{port}/events", params=query, headers=AUTHORIZATION, timeout=60) as answer:
        lines = (line for line in answer.iter_lines() if line)
        for number in range(3):
            # The program writes the next one only after this file is there: a proxy that collects would hang here.
            assert next(lines) == f"data: {number}"
            (tmp_path / f"go{number}").touch()


def test_a_large_download_and_upload_pass(server: LabServer, port: int) -> None:
    process = psutil.Process(server.process.pid)
    before, most, received = process.memory_info().rss, 0, 0
    url, block = f"{server.url}proxy/{port}/", bytes(range(256)) * 4096
    with httpx.stream("GET", f"{url}download?size={LARGE}&length=1", headers=AUTHORIZATION, timeout=60) as answer:
        for chunk in answer.iter_raw():
            received += len(chunk)
            most = max(most, process.memory_info().rss)
    assert received == LARGE
    digest = hashlib.sha256()

    def blocks() -> Iterator[bytes]:
        nonlocal most
        for _ in range(LARGE // len(block)):
            digest.update(block)
            most = max(most, process.memory_info().rss)
            yield block

    sent = httpx.post(url + "upload", content=blocks(), headers={**AUTHORIZATION, "Content-Length": str(LARGE)}, timeout=120).json()
    assert (sent["size"], sent["sha256"]) == (LARGE, digest.hexdigest())
    assert most - before < MORE_MEMORY


@pytest.mark.parametrize("way", ["proxy/{port}/socket", "proxy/absolute/{port}/socket", "proxy/localhost:{port}/socket"])
async def test_large_websocket_messages_pass(server: LabServer, port: int, way: str) -> None:
    url = server.url + way.format(port=port)
    async with (
        aiohttp.ClientSession(headers=AUTHORIZATION) as session,
        session.ws_connect(url, protocols=["one", "two"], max_msg_size=0) as websocket,
    ):
        assert websocket.protocol == "two"  # the program's choice
        await websocket.receive_str()
        text = "x" * (12 * 2**20)
        await websocket.send_str(text)
        assert await websocket.receive_str() == text


async def test_an_open_websocket_is_use_of_the_server_though_nothing_is_sent(server: LabServer, port: int) -> None:
    def is_used_again() -> None:
        before = last_use()
        wait_until(lambda: last_use() > before, "the server is in use")

    def last_use() -> str:
        return str(httpx.get(server.url + "api/status", headers=AUTHORIZATION).json()["last_activity"])

    url = f"{server.url}proxy/{port}/socket"
    async with aiohttp.ClientSession(headers=AUTHORIZATION) as session, session.ws_connect(url) as websocket:
        await websocket.receive_str()
        await asyncio.to_thread(is_used_again)
        await asyncio.to_thread(is_used_again)


async def test_foreign_pages_are_blocked(server: LabServer, port: int) -> None:
    async with httpx.AsyncClient() as browser:
        await browser.get(f"{server.url}login?token={TOKEN}")
        foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert (await browser.post(f"{server.url}proxy/{port}/x", headers=foreign)).status_code == 403
        own = {"Origin": f"http://127.0.0.1:{server.port}"}
        assert (await browser.post(f"{server.url}proxy/{port}/x", headers=own)).status_code == 200
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with aiohttp.ClientSession(headers={"Cookie": cookies, "Origin": "https://evil.example"}) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await asyncio.wait_for(session.ws_connect(f"{server.url}proxy/{port}/socket"), 30)
        assert refused.value.status == 403
