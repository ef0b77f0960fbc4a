"""What goes from a browser through the proxy and the server to a tool, and back: nothing is lost, held back, cut or kept in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psutil
import pytest
from yarl import URL

from tests.integration.kernels import KernelConnection
from tests.platform import Browserless, RunningPlatform, named, open_temporary_folder, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"
MEGABYTE = 2**20
LARGE = 300 * MEGABYTE
ALLOWED_GROWTH = 100 * MEGABYTE
LONG_SECONDS = 65
"""More than the minute after which proxies like to give up."""

TOOL = Path(__file__).parent / "chain_tool.py"
TOOLS = {"kept": False, "stripped": True, "stuck": False}


@dataclass
class Chain:
    running: RunningPlatform
    ada: Browserless
    token: str
    server: httpx.Client
    urls: dict[str, str]
    long: dict[str, Future[Any]]

    @property
    def server_url(self) -> str:
        return named(f"{self.running.url}user/ada/")

    def url(self, tool: str, path: str = "") -> str:
        return named(self.running.url.rstrip("/") + self.urls[tool] + path)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}


def open_tool(server: httpx.Client, name: str) -> str:
    opened = server.post("labyard/api/v1/instances", json={"tool": name})
    assert opened.status_code == 201, opened.text
    instance = opened.json()["id"]
    path = f"labyard/api/v1/instances/{instance}"
    wait_until(lambda: server.get(path).json()["state"] == "running", f"{name} runs", 60)
    return str(opened.json()["url"])


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with open_temporary_folder() as folder:
        shutil.copy(TOOL, folder / "tool.py")
        (folder / "tools.d").mkdir()
        for name, strip in TOOLS.items():
            prefix = "/" if strip else "{base_url}"
            definition = {
                "name": name, "title": name.title(), "strip_prefix": strip, "ready_path": "/ready",
                "command": [sys.executable, str(folder / "tool.py"), "--socket", "{socket}", "--prefix", prefix],
            }  # fmt: skip
            (folder / "tools.d" / f"{name}.yaml").write_text(json.dumps(definition))
        (folder / "config.yaml").write_text("servers: {idle_timeout_seconds: null}\ntools: {enabled: []}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running, ThreadPoolExecutor(8) as threads:
            running.add_user("ada", PASSWORD)
            ada = running.session("ada", PASSWORD)
            ada.start_server("ada")
            ada.http.get("user/ada/lab").raise_for_status()  # the server's own cookie comes with the first visit
            token = ada.token("ada")
            server = running.client("user/ada/", token)
            chain = Chain(running, ada, token, server, {name: open_tool(server, name) for name in TOOLS}, {})
            chain.long = {
                "silent": threads.submit(silent_answer, chain),
                "trickling": threads.submit(trickling_upload, chain),
                "websocket": threads.submit(silent_websocket, chain),
            }
            yield chain


def silent_answer(chain: Chain) -> httpx.Response:
    return httpx.get(chain.url("kept", f"slow?seconds={LONG_SECONDS}"), headers=chain.headers, timeout=LONG_SECONDS + 60)


def trickling_upload(chain: Chain) -> httpx.Response:
    stop = time.monotonic() + LONG_SECONDS

    def body() -> Iterator[bytes]:
        while time.monotonic() < stop:
            yield b"x"
            time.sleep(1)  # a slow line is what is tested

    return httpx.post(chain.url("kept", "upload"), headers=chain.headers, content=body(), timeout=60)


def silent_websocket(chain: Chain) -> str:
    import websocket

    connection = websocket.create_connection(
        chain.url("kept", "socket").replace("http", "ws", 1), header=[f"Authorization: token {chain.token}"], timeout=LONG_SECONDS + 60
    )
    try:
        connection.send(f"wait {LONG_SECONDS}")
        return str(connection.recv())
    finally:
        connection.close()


@contextmanager
def flat_memory(chain: Chain) -> Iterator[None]:
    """Watch the proxy and the server: neither may grow by a large body."""
    record = json.loads((chain.running.state.run_private / "servers" / "ada.json").read_text())
    processes = {"proxy": psutil.Process(chain.running.process_id("proxy")), "server": psutil.Process(record["pid"])}
    before = {name: process.memory_info().rss for name, process in processes.items()}
    peak, done = dict(before), threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for name, process in processes.items():
                peak[name] = max(peak[name], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    for name in processes:
        growth = peak[name] - before[name]
        assert growth < ALLOWED_GROWTH, f"{name} grew by {growth / MEGABYTE:.0f} MB"


def large_body(size: int) -> Iterator[bytes]:
    chunk = b"x" * MEGABYTE
    for _ in range(size // MEGABYTE):
        yield chunk


@pytest.mark.parametrize("tool", ["kept", "stripped"])
async def test_websockets(chain: Chain, tool: str) -> None:
    async with (
        aiohttp.ClientSession(headers=chain.headers) as session,
        session.ws_connect(chain.url(tool, "socket"), protocols=("chat.v1", "chat.v2"), max_msg_size=2**26) as socket,
    ):
        assert socket.protocol == "chat.v2"
        await socket.send_str("grüße")
        assert await socket.receive_str(timeout=10) == "grüße"
        data = bytes(range(256)) * 4096
        await socket.send_bytes(data)
        assert await socket.receive_bytes(timeout=30) == data
        await socket.send_str("close 4321 that was all")
        message = await socket.receive(timeout=10)
        assert message.type == aiohttp.WSMsgType.CLOSE
        assert (message.data, message.extra) == (4321, "that was all")


async def test_a_websocket_needs_a_sign_in_and_our_origin(chain: Chain) -> None:
    for headers in ({}, {"Authorization": "token wrong"}, {"Origin": "https://evil.example", "Cookie": cookie_header(chain)}):
        async with aiohttp.ClientSession(headers=headers) as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(chain.url("kept", "socket"))
            assert refused.value.status == 403


def cookie_header(chain: Chain) -> str:
    return "; ".join(
        f"{one.name}={one.value}" for one in chain.ada.http.cookies.jar if chain.server_url.endswith(one.path) or one.path == "/"
    )


@pytest.mark.parametrize("tool", ["kept", "stripped"])
def test_server_sent_events_arrive_as_they_are_sent(chain: Chain, tool: str) -> None:
    with httpx.stream("GET", chain.url(tool, "events"), headers={**chain.headers, "Accept-Encoding": "gzip"}, timeout=10) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = (line for line in answer.iter_lines() if line)
        for number in range(3):
            # The tool sends the next one after this one was seen here: a proxy that holds it back makes this wait for ever.
            assert next(lines) == f"data: {number}"
            httpx.post(chain.url(tool, "proceed"), headers=chain.headers).raise_for_status()
        assert list(lines) == []


def test_a_large_upload_passes_in_flat_memory(chain: Chain) -> None:
    with flat_memory(chain):
        answer = httpx.post(
            chain.url("kept", "upload"), headers={**chain.headers, "Content-Length": str(LARGE)}, content=large_body(LARGE), timeout=120
        )
    digest = hashlib.sha256()
    for chunk in large_body(LARGE):
        digest.update(chunk)
    assert answer.json() == {"size": LARGE, "sha256": digest.hexdigest()}


def test_a_large_download_passes_in_flat_memory(chain: Chain) -> None:
    size = 0
    with flat_memory(chain), httpx.stream("GET", chain.url("kept", f"download?size={LARGE}"), headers=chain.headers, timeout=120) as answer:
        assert answer.headers["content-length"] == str(LARGE)
        for chunk in answer.iter_raw():
            size += len(chunk)
    assert size == LARGE


def test_a_file_of_50_mb_by_the_contents_api(chain: Chain) -> None:
    data = bytes(range(256)) * 4096 * 50
    body = {"type": "file", "format": "base64", "content": base64.b64encode(data).decode()}
    assert chain.server.put("api/contents/large.bin", json=body, timeout=120).status_code == 201
    assert chain.server.get("files/large.bin", timeout=120).content == data
    chain.server.delete("api/contents/large.bin").raise_for_status()


@pytest.mark.parametrize("tool", ["kept", "stripped"])
@pytest.mark.parametrize("to", ["{own}next?a=1#b", "next?a=1#b", "http://{host}{own}next?a=1#b"])
def test_redirects_stay_at_the_tool(chain: Chain, tool: str, to: str) -> None:
    own = "/" if TOOLS[tool] else chain.urls[tool]
    host = URL(chain.server_url).authority
    answer = httpx.get(
        chain.url(tool, "redirect"), params={"to": to.format(own=own, host=host)}, headers=chain.headers, follow_redirects=True
    )
    assert answer.status_code == 200
    assert answer.json()["path"] == f"{own}next?a=1"
    assert str(answer.url) == f"{chain.url(tool)}next?a=1#b"


def test_a_redirect_to_another_host_is_left_alone(chain: Chain) -> None:
    answer = httpx.get(chain.url("stripped", "redirect"), params={"to": "https://example.org/x"}, headers=chain.headers)
    assert answer.headers["location"] == "https://example.org/x"


@pytest.mark.parametrize("tool", ["kept", "stripped"])
def test_a_tools_cookies_are_its_own(chain: Chain, tool: str) -> None:
    """They come back to it and go nowhere else, and it gets none of the platform's."""
    other = "stripped" if tool == "kept" else "kept"
    browser = chain.ada.http
    chosen = browser.get(chain.url(tool, "cookie"), params={"set": ["colour=red; Path=/", "size=3", "_xsrf=mine; Path=/"]})
    assert chosen.status_code == 200
    assert browser.get(chain.url(tool, "cookie")).json() == ["colour", "size"]
    assert browser.get(chain.url(other, "cookie")).json() == []
    assert {one.path for one in browser.cookies.jar if one.name in ("colour", "size")} == {chain.urls[tool]}
    assert browser.get("hub/home").url.path == "/hub/home"
    for name in ("colour", "size"):
        browser.cookies.delete(name)


@pytest.mark.parametrize("path", ["a%2Fb", "a%20b", "%C3%BCn%C3%AFcode", "a%252Fb", "a%3Bb;c", "a+b", "a%5Cb", "%E2%82%AC%25"])
@pytest.mark.parametrize("tool", ["kept", "stripped"])
async def test_encoded_paths_arrive_as_they_are(chain: Chain, tool: str, path: str) -> None:
    target = f"{path}?q=%2F%20a+b&q=%C3%BC"
    async with (
        aiohttp.ClientSession(headers=chain.headers) as session,
        session.get(URL(chain.url(tool, target), encoded=True)) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert (await answer.json())["path"] == ("/" if TOOLS[tool] else chain.urls[tool]) + target


async def test_an_encoded_path_of_a_file(chain: Chain) -> None:
    chain.server.put("api/contents/sub", json={"type": "directory"}).raise_for_status()
    body = {"type": "file", "format": "text", "content": "here"}
    chain.server.put("api/contents/sub/a%20%C3%BC%2525.txt", json=body).raise_for_status()
    async with aiohttp.ClientSession(headers=chain.headers) as session:
        for path in ("sub/a%20%C3%BC%2525.txt", "sub%2Fa%20%C3%BC%2525.txt"):
            async with session.get(URL(f"{chain.server_url}api/contents/{path}", encoded=True)) as answer:
                assert answer.status == 200, await answer.text()
                assert (await answer.json())["content"] == "here"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("tool", ["kept", "stripped"])
def test_every_method(chain: Chain, tool: str, method: str) -> None:
    body = b"\x00body\xff" if method in ("POST", "PUT", "PATCH") else b""
    answer = httpx.request(method, chain.url(tool, "any"), headers=chain.headers, content=body)
    assert answer.status_code == 200
    assert (answer.json()["method"], answer.json()["body"].encode("latin-1")) == (method, body)


def test_head(chain: Chain) -> None:
    answer = httpx.head(chain.url("kept", "any"), headers=chain.headers)
    assert (answer.status_code, answer.headers["x-method"], answer.content) == (200, "HEAD", b"")
    assert int(answer.headers["content-length"]) > 0


def test_the_tool_gets_the_browsers_host_and_no_credentials(chain: Chain) -> None:
    answer = httpx.get(chain.url("kept", "any?token=" + chain.token), headers={**chain.headers, "X-Forwarded-Host": "evil.example"})
    assert chain.token not in answer.text
    headers = {name.lower(): value for name, value in answer.json()["headers"]}
    assert headers["host"] == URL(chain.server_url).authority
    assert headers["x-forwarded-host"] == URL(chain.server_url).authority
    assert headers["x-forwarded-proto"] == "http"


def test_a_kernel(chain: Chain) -> None:
    kernel = chain.server.post("api/kernels", json={"name": "python3"}).json()["id"]
    with KernelConnection(chain.server_url, kernel, chain.token) as connection:
        assert connection.result("print(6 * 7)") == "42\n"
        # More than a message or a buffer: output comes whole and in order.
        assert connection.result("for i in range(20000): print(i)").split() == [str(i) for i in range(20000)]
    assert chain.server.delete(f"api/kernels/{kernel}").status_code == 204


def test_a_stuck_tool_holds_nobody_up(chain: Chain) -> None:
    """It hangs so that it answers nothing at all; the server, a kernel, the other tools and the hub do, and it can be ended."""
    kernel = chain.server.post("api/kernels", json={"name": "python3"}).json()["id"]
    with ThreadPoolExecutor(20) as threads, KernelConnection(chain.server_url, kernel, chain.token) as connection:
        assert connection.result("1 + 1") == "2"
        stuck = [threads.submit(httpx.get, chain.url("stuck", "stuck?seconds=240"), headers=chain.headers, timeout=300) for _ in range(10)]
        wait_until(lambda: not answers(chain, "stuck", 3), "the tool is stuck")
        for _ in range(5):
            assert answers(chain, "kept", 60)
            assert answers(chain, "stripped", 60)
            assert chain.server.get("api/contents").status_code == 200
            assert chain.ada.hub_api("GET", "user").status_code == 200
            assert connection.result("print('alive')") == "alive\n"
        assert not any(one.done() for one in stuck)
        instance = chain.urls["stuck"].strip("/").rsplit("/", 1)[1]
        assert chain.server.delete(f"labyard/api/v1/instances/{instance}").status_code == 204
        for one in stuck:
            assert one.result(60).status_code in (502, 503, 504)
    chain.server.delete(f"api/kernels/{kernel}")


def answers(chain: Chain, tool: str, timeout_seconds: float) -> bool:
    try:
        return httpx.get(chain.url(tool, "ready"), headers=chain.headers, timeout=timeout_seconds).text == "ready"
    except httpx.TimeoutException:
        return False


def test_nothing_is_cut_after_a_minute(chain: Chain) -> None:
    """A silent answer, a slow upload and a silent websocket, which began with this module."""
    assert chain.long["silent"].result(120).text == "at last"
    assert chain.long["trickling"].result(120).json()["size"] >= LONG_SECONDS - 5
    assert chain.long["websocket"].result(120) == "waited"
