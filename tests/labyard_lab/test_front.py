"""The front of a real Jupyter server: what it goes by, what it never does, and what happens when it ends."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from labyard_lab.front.addresses import Addresses
from labyard_lab.proxy.headers import Prefix, response_headers
from tests.labyard_lab.conftest import TOKEN, LabServer, echo_tool, start_echo_server, wait_until
from tests.labyard_lab.members import IDENTITIES, Service, project_environment, service

AUTHORIZATION = {"Authorization": f"token {TOKEN}"}
OUT_SECONDS = 10.0
TOOLS = [echo_tool(sets_cookies=False), echo_tool("other", sets_cookies=False), echo_tool("baker", strip_prefix=True)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = start_echo_server(tmp_path_factory.mktemp("front"), front=True)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def members() -> Iterator[Service]:
    with service(bob="editor", carol="viewer") as members:
        yield members


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, members: Service) -> Iterator[LabServer]:
    """A project's server."""
    server = LabServer(tmp_path_factory.mktemp("project"), TOOLS, IDENTITIES, project_environment(members), front=True)
    server.open("echo")
    yield server
    server.remove()


def as_member(name: str) -> dict[str, str]:
    return {"Authorization": f"token token-of-{name}"}


def nginx(server: LabServer) -> psutil.Process | None:
    """Return the front's process."""
    children = psutil.Process(server.process.pid).children()
    return next((child for child in children if child.name() == "nginx" and child.is_running()), None)


def url(server: LabServer, path: str = "", tool: str = "echo") -> str:
    return server.tool_url(server.open(tool), path)


def questions(server: LabServer) -> int:
    """Return how often the front has asked whether somebody may and was told that they may."""
    return server.log.read_text().count(" 204 GET ")


def carried(server: LabServer) -> int:
    """Return how many requests for tools the server has carried itself."""
    return server.log.read_text().count(" 200 GET /user/ada/labyard/tools/")


def test_it_starts_with_the_first_request_and_asks_once_for_many(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool(sets_cookies=False)], front=True)
    with httpx.Client(headers=AUTHORIZATION) as client:
        address = url(server, "ready")
        for _ in range(200):
            assert client.get(address).text == "ready"
    assert questions(server) <= 10
    assert carried(server) == 0


def test_nothing_starts_before_it_is_asked(tmp_path: Path) -> None:
    server = LabServer(tmp_path / "server", [echo_tool()], front=True)
    try:
        assert nginx(server) is not None  # the test's own server is asked at the front's port
        port, server.port = server.port, server.own_port
        process = nginx(server)
        assert process is not None
        assert [one.laddr.port for one in process.net_connections("tcp") if one.status == "LISTEN"] == [port]
        assert process.net_connections("tcp")[0].laddr.ip == "127.0.0.1"
    finally:
        server.remove()
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "its end with the server", 10)


def test_who_asks_without_the_secret_is_no_front(server: LabServer) -> None:
    for port in (server.port, server.own_port):
        address = url(server, "x").replace(f":{server.port}/", f":{port}/")
        answer = httpx.get(address, headers={**AUTHORIZATION, "X-Labyard-Front": "guessed"})
        assert answer.status_code == 200
        assert "X-Labyard-Tool" not in answer.headers
        assert httpx.get(address, headers={"X-Labyard-Front": "guessed"}).status_code == 302


def test_a_yes_to_one_is_none_to_another(project: LabServer) -> None:
    address = url(project, "ready")
    for _ in range(2):
        assert httpx.get(address, headers=as_member("bob")).status_code == 200
        assert httpx.get(address, headers={"Cookie": "test-user=token-of-bob", "Sec-Fetch-Site": "none"}).status_code == 200
        assert httpx.get(address, headers=as_member("eve")).status_code == 403
        assert httpx.get(address, headers={"Cookie": "test-user=token-of-eve", "Sec-Fetch-Site": "none"}).status_code == 403
        assert httpx.get(address).status_code in (302, 403)


def test_a_yes_to_one_request_is_none_to_a_foreign_pages(project: LabServer) -> None:
    address, cookie = url(project, "ready"), {"Cookie": "test-user=token-of-bob"}
    host = f"127.0.0.1:{project.port}"
    ours = {"Origin": f"http://{host}", "Referer": f"http://{host}/user/ada/lab", "Sec-Fetch-Site": "same-origin"}
    assert httpx.post(url(project, "x"), headers={**cookie, **ours}).status_code == 200
    for changed in (
        {"Origin": "https://evil.example"},
        {"Referer": f"http://{host}/user/eve/x"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    ):
        assert httpx.post(url(project, "x"), headers={**cookie, **ours, **changed}).status_code == 403
    assert httpx.get(address, headers={**cookie, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}).status_code == 200
    assert httpx.get(address, headers={**cookie, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}).status_code == 403
    assert httpx.get(address, headers={**cookie, "Host": "evil.example"}).status_code == 403


def test_a_viewer_looks_and_changes_nothing(project: LabServer) -> None:
    for _ in range(2):
        assert httpx.get(url(project, "x"), headers=as_member("carol")).status_code == 200
        assert httpx.head(url(project, "x"), headers=as_member("carol")).status_code == 200
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert httpx.request(method, url(project, "x"), headers=as_member("carol")).status_code == 403
            assert httpx.request(method, url(project, "x"), headers=as_member("bob")).status_code == 200


def test_whoever_is_removed_is_out_with_what_goes_on(project: LabServer, members: Service) -> None:
    """Requests that came every moment, so that there always was a yes to go by, and an answer that never ends."""
    address, broken = url(project), threading.Event()
    began = threading.Event()

    def follow() -> None:
        try:
            with httpx.stream("GET", address + "hang", headers=as_member("bob"), timeout=60) as answer:
                answer.read()
        except httpx.HTTPError:
            broken.set()

    before = carried(project)
    follower = threading.Thread(target=follow)
    follower.start()
    try:
        wait_until(lambda: httpx.get(address + "hanging", headers=as_member("bob")).text == "1", "the request that hangs", 10)
        assert carried(project) == before
        began.set()
        left = time.monotonic()
        del members.roles["bob"]
        wait_until(lambda: httpx.get(address + "ready", headers=as_member("bob")).status_code == 403, "bob is out", OUT_SECONDS)
        assert broken.wait(OUT_SECONDS - (time.monotonic() - left))
        assert httpx.get(address + "ready", headers=as_member("carol")).status_code == 200
    finally:
        members.roles["bob"] = "editor"
        follower.join(20)
    wait_until(lambda: httpx.get(address + "ready", headers=as_member("bob")).status_code == 200, "bob is back", OUT_SECONDS)


def test_what_ends_by_itself_is_not_cut(project: LabServer, members: Service) -> None:
    address = url(project, "ready")
    assert httpx.get(address, headers=as_member("bob")).status_code == 200
    process = nginx(project)
    assert process is not None
    del members.roles["bob"]
    try:
        wait_until(lambda: httpx.get(address, headers=as_member("bob")).status_code == 403, "bob is out", OUT_SECONDS)
        # Two more looks: one to see what is open, one to cut it.
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert httpx.get(address, headers=as_member("carol")).status_code == 200
        assert process.is_running()
    finally:
        members.roles["bob"] = "editor"


def test_a_stream_of_events_of_a_visitor_can_be_ended_alone(project: LabServer, tmp_path: Path) -> None:
    before = carried(project)
    (tmp_path / "go0").touch()
    headers = {"Accept": "text/event-stream"}
    address = url(project, f"events?count=1&go={tmp_path}/go")
    wait_until(lambda: httpx.get(address, headers={**headers, **as_member("bob")}).status_code == 200, "bob is in", OUT_SECONDS)
    wait_until(lambda: carried(project) > before, "it came to the server", 5)


def test_a_killed_front_comes_back(server: LabServer) -> None:
    address = url(server, "ready")
    for _ in range(2):
        assert httpx.get(address, headers=AUTHORIZATION).text == "ready"
        process = nginx(server)
        assert process is not None
        process.kill()
        assert httpx.get(address, headers=AUTHORIZATION).text == "ready"
        assert nginx(server) is not None


def test_it_ends_with_a_server_that_is_killed(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool()], front=True)
    process = nginx(server)
    assert process is not None
    server.stop(signal.SIGKILL)
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "its end", 10)


def test_without_nginx_the_server_does_it_all(make_server: Callable[..., LabServer], tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "nginx"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\n[ \"$1\" = -V ] && echo 'nginx version: nginx/9.9 --with-http_auth_request_module' >&2\nexit 1\n")
    broken.chmod(0o755)
    server = make_server([echo_tool(sets_cookies=False)], front=True, environment={"PATH": f"{broken.parent}:{os.environ['PATH']}"})
    assert httpx.get(url(server, "ready"), headers=AUTHORIZATION).text == "ready"
    assert carried(server) > 0
    assert server.log.read_text().count("carries all requests for tools itself") == 1


def test_a_server_whose_port_somebody_else_has_does_not_run(make_server: Callable[..., LabServer]) -> None:
    """The platform would lead people, with their cookies, to whoever has it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match="cannot be taken"):  # it ended, and this is its log
            make_server([echo_tool()], environment={"LABYARD_FRONT_PORT": str(port)})


def test_a_tool_cannot_steer_nginx(server: LabServer) -> None:
    for name, value in (
        ("X-Accel-Redirect", "/labyard-ask"),
        ("X-Accel-Redirect", "/user/ada/api/contents"),
        ("X-Accel-Limit-Rate", "1"),
        ("X-Accel-Buffering", "yes"),
    ):
        answer = httpx.get(url(server, "cookies"), params={"header": f"{name}:{value}"}, headers={**AUTHORIZATION, "Cookie": "mine=1"})
        assert (answer.status_code, answer.text) == (200, "mine=1")


def test_cookies_of_a_tool_that_sets_none_are_dropped(server: LabServer) -> None:
    answer = httpx.get(url(server, "cookies"), params={"set": ["a=1; Path=/", "jupyterhub-user-ada=x; Path=/"]}, headers=AUTHORIZATION)
    assert answer.headers.get_list("Set-Cookie") == []


PATHS = (
    "",
    "/",
    "/b",
    "b",
    "?c=d",
    "/b?c=/d",
    "//evil.example/b",
    "/user/ada/labyard/tools/stripped",
    "/user/ada/labyard/tools/stripped/b",
    "#x",
    "../b",
)
HOSTS = (
    "http://{host}", "HTTPS://{host}", "//{host}", "http://localhost{port}", "//127.0.0.1{port}", "http://localhost", "http://127.0.0.1.evil.example", "http://{host}0",
    "ftp://{host}", "http://else.example",
)  # fmt: skip


@pytest.mark.parametrize("name", ["echo", "stripped", "by-port"])
def test_redirects_are_those_of_the_other_way(server: LabServer, name: str) -> None:
    """The rules stand in two places; here each is held against the other."""
    instance = server.open(name)
    host, port = f"127.0.0.1:{server.port}", ""
    if name == "by-port":
        lines = [child.cmdline() for child in psutil.Process(server.process.pid).children(recursive=True)]
        port = next(f":{line[line.index('--port') + 1]}" for line in lines if "--port" in line)
    names = {f"localhost{port}", f"127.0.0.1{port}"}
    hosts = [one.format(host=host, port=port) for one in HOSTS]
    places = [*filter(None, PATHS), *(one + path for one in hosts for path in PATHS if path[:1] in "/?#" and path[:2] != "//")]
    with httpx.Client(headers=AUTHORIZATION) as client:
        for place in places:
            sent = [("Location", place), ("Content-Location", place)]
            prefix = Prefix(instance["url"], name == "stripped")
            rules = response_headers(sent, prefix, host=host, upstream_hosts=names, forward_credentials=False, frame_ancestors="'self'")
            query = {"header": [f"{key}:{value}" for key, value in sent]}
            got = client.get(server.tool_url(instance, "cookies"), params=query)
            assert [got.headers[key] for key, _ in sent] == [value for _, value in rules][:2], place


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["frame-ancestors 'none'"], ""),
        (["img-src 'self'; frame-ancestors 'none'"], "img-src 'self'"),
        (["frame-ancestors 'none'; img-src 'self'"], "img-src 'self'"),
        (["img-src 'self'; FRAME-ANCESTORS 'none'; font-src x"], "img-src 'self'; font-src x"),
        (["img-src 'self'"], "img-src 'self'"),
        (["img-src 'self'", "frame-ancestors 'none'; font-src x"], "img-src 'self', font-src x"),
    ],
)
def test_the_lab_may_frame_a_tool_that_forbids_it(server: LabServer, sent: list[str], kept: str) -> None:
    answer = httpx.get(url(server, "cookies"), params={"header": [f"Content-Security-Policy:{one}" for one in sent]}, headers=AUTHORIZATION)
    policies = [one for one in ", ".join(answer.headers.get_list("Content-Security-Policy")).split(", ") if one]
    assert policies[-1] == "frame-ancestors 'self'"
    assert ", ".join(" ".join(one.replace(";", "; ").split()).strip("; ") for one in policies[:-1]) == kept


def test_a_long_request_keeps_a_tool_in_use(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool(sets_cookies=False, idle_timeout_seconds=1)], front=True)
    address = url(server, "hang")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(address, headers=AUTHORIZATION, timeout=4)
    assert "nobody used it" in server.wait_for("echo", "stopped", 20)["reason"]


def test_a_tool_that_is_gone_is_told_as_ever(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool(sets_cookies=False)], front=True)
    address = url(server, "ready")
    assert httpx.get(address, headers=AUTHORIZATION).text == "ready"
    assert server.client.delete("instances/echo").status_code == 204
    # Within the time that the front goes by the last answer.
    gone = httpx.get(address, headers=AUTHORIZATION)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "instance_not_found")
    sent = httpx.post(address, content=b"x", headers=AUTHORIZATION)
    assert sent.json()["error"]["code"] in ("instance_not_found", "tool_unreachable")


def test_memory_stays_flat_under_a_large_upload(server: LabServer) -> None:
    size, block = 300 * 2**20, bytes(range(256)) * 4096
    address = url(server, "upload")
    process = nginx(server)
    assert process is not None
    before, most, done = process.memory_info().rss, 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    digest = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        for _ in range(size // len(block)):
            digest.update(block)
            yield block

    try:
        answer = httpx.post(address, content=chunks(), headers={**AUTHORIZATION, "Content-Length": str(size)}, timeout=120).json()
    finally:
        done.set()
        watcher.join()
    assert (answer["size"], answer["sha256"]) == (size, digest.hexdigest())
    assert most - before < 4 * 2**20


@pytest.mark.parametrize(
    ("host", "listen", "ask"),
    [
        ("127.0.0.1", "127.0.0.1:2", "127.0.0.1:3"),
        ("10.1.2.3", "10.1.2.3:2", "10.1.2.3:3"),
        ("0.0.0.0", "0.0.0.0:2", "127.0.0.1:3"),  # nothing listens here
        ("::", "[::]:2", "[::1]:3"),
        ("fd00::1", "[fd00::1]:2", "[fd00::1]:3"),
    ],
)
def test_the_front_listens_where_the_server_does_and_nowhere_else(host: str, listen: str, ask: str) -> None:
    addresses = Addresses(host, 2, 3)
    assert (addresses.listen, addresses.ask) == (listen, ask)
