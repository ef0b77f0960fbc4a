"""HTTP through the proxy of a real Jupyter server."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.labyard_lab.conftest import TOKEN, LabServer, echo_tool
from tests.waiting import wait_until

AUTHORIZATION = {"Authorization": f"token {TOKEN}"}


@pytest.fixture(params=["echo", "stripped", "by-port"])
def tool(request: pytest.FixtureRequest, echo_server: LabServer) -> str:
    """URL of a running tool: with the prefix, without it, and by TCP."""
    return echo_server.tool_url(echo_server.open(request.param))


@pytest.fixture
def echo(echo_server: LabServer) -> str:
    return echo_server.tool_url(echo_server.open("echo"))


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(headers=AUTHORIZATION, timeout=60) as client:
        yield client


@pytest.fixture
def browser(echo_server: LabServer) -> Iterator[httpx.Client]:
    """Somebody who has signed in by cookie, as a browser does."""
    with httpx.Client(timeout=30) as client:
        client.get(f"{echo_server.url}login?token={TOKEN}")
        yield client


def header(answer: dict[str, Any], name: str) -> str | None:
    return next((value for key, value in answer["headers"] if key.lower() == name.lower()), None)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods(tool: str, client: httpx.Client, method: str) -> None:
    body = b"" if method in ("GET", "OPTIONS", "DELETE") else b"caf\xe9\x00"
    response = client.request(method, tool + "x", content=body)
    answer = response.json()
    assert (response.status_code, answer["method"], answer["body"].encode("latin-1")) == (200, method, body)


def test_head(tool: str, client: httpx.Client) -> None:
    response = client.head(tool + "x")
    assert (response.status_code, response.content, response.headers["X-Method"]) == (200, b"", "HEAD")
    assert int(response.headers["Content-Length"]) > 0


def test_body_of_a_get_and_an_empty_post(echo: str, client: httpx.Client) -> None:
    assert client.request("GET", echo + "x", content=b"body").json()["body"] == "body"
    answer = client.post(echo + "x").json()
    assert (answer["body"], header(answer, "Content-Length")) == ("", "0")


@pytest.mark.parametrize("path", ["a%2Fb%20c", "a//b", "a/./b", "%E2%82%AC?q=%26&q=a+b&empty=", "[a]{b}|"])
def test_target_arrives_byte_for_byte(echo_server: LabServer, path: str) -> None:
    """A plain socket, because clients normalise."""
    host = f"127.0.0.1:{echo_server.port}"
    for name in ("echo", "stripped"):
        base = echo_server.open(name)["url"]
        with socket.create_connection(("127.0.0.1", echo_server.port)) as connection:
            connection.sendall(
                f"GET {base}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: token {TOKEN}\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        expected = base + path if name == "echo" else "/" + path
        assert f'"uri": "{expected}"'.encode() in answer


def test_path_without_slash_belongs_to_the_tool(echo_server: LabServer, client: httpx.Client) -> None:
    for name, uri in (("echo", "/user/ada/labyard/tools/echo?a=1"), ("stripped", "/?a=1")):
        url = echo_server.tool_url(echo_server.open(name)).rstrip("/")
        assert client.get(url + "?a=1").json()["uri"] == uri


def test_tool_hears_where_it_is(echo_server: LabServer, client: httpx.Client) -> None:
    host = f"127.0.0.1:{echo_server.port}"
    answer = client.get(echo_server.tool_url(echo_server.open("stripped"), "x")).json()
    assert (header(answer, "Host"), header(answer, "X-Forwarded-Host"), header(answer, "X-Forwarded-Proto")) == (host, host, "http")
    assert header(answer, "X-Forwarded-Prefix") == "/user/ada/labyard/tools/stripped"
    behind_tls = client.get(echo_server.tool_url(echo_server.open("echo"), "x"), headers={"X-Forwarded-Proto": "https"}).json()
    assert header(behind_tls, "X-Forwarded-Proto") == "https"
    assert header(behind_tls, "X-Forwarded-Prefix") is None


def test_credentials_are_kept_from_the_tool(echo_server: LabServer, browser: httpx.Client) -> None:
    url = echo_server.tool_url(echo_server.open("echo"), "x")
    cookies = "jupyterhub-session-id=1; _xsrf=3; mine=2; " + "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for query, authorization in (("", f"token {TOKEN}"), ("?token=junk", f"Bearer {TOKEN}"), (f"?a=1&token={TOKEN}", f"token {TOKEN}")):
        headers = {"Authorization": authorization, "Cookie": cookies, "Referer": f"{echo_server.url}lab?token={TOKEN}"}
        response = httpx.get(url + query, headers=headers)
        assert TOKEN not in response.text
        assert header(response.json(), "Cookie") == "mine=2"
        assert "username-" not in response.text
        assert "_xsrf" not in response.text
    own = httpx.get(url, headers={"Authorization": "Bearer of-the-tool", "Cookie": cookies}).json()
    assert header(own, "Authorization") == "Bearer of-the-tool"


def test_credentials_pass_where_the_tool_shall_have_them(echo_server: LabServer) -> None:
    url = echo_server.tool_url(echo_server.open("trusted"), "x")
    answer = httpx.get(f"{url}?token={TOKEN}", headers={**AUTHORIZATION, "Cookie": "_xsrf=1"}).json()
    assert header(answer, "Authorization") == f"token {TOKEN}"
    assert header(answer, "Cookie") == "_xsrf=1"
    assert answer["uri"].endswith(f"?token={TOKEN}")


def test_a_tool_that_wants_to_hears_who_asks(echo_server: LabServer) -> None:
    names = ("X-Labyard-User", "X_Labyard_User", "X-Labyard_User", "X_Labyard-User", "x-labyard-user")
    forged = {**AUTHORIZATION, **dict.fromkeys(names, "mallory")}
    answer = httpx.get(echo_server.tool_url(echo_server.open("knows-users"), "x"), headers=forged)
    assert header(answer.json(), "X-Labyard-User")
    assert "mallory" not in answer.text
    others = httpx.get(echo_server.tool_url(echo_server.open("echo"), "x"), headers=forged)
    assert header(others.json(), "X-Labyard-User") is None
    assert "mallory" not in others.text


def test_redirects(echo_server: LabServer, client: httpx.Client) -> None:
    host = f"http://127.0.0.1:{echo_server.port}"
    for name, own in (("echo", "/b"), ("stripped", "/user/ada/labyard/tools/stripped/b")):
        url = echo_server.tool_url(echo_server.open(name), "redirect")
        for method in ("GET", "POST"):
            for to, expected in (("/b", own), (f"{host}/b", own), ("c?d=1", "c?d=1"), ("https://else.example/", "https://else.example/")):
                response = client.request(method, url, params={"to": to})
                assert (response.status_code, response.headers["Location"]) == (302, expected)


@pytest.mark.parametrize("name", ["baker", "stripped-baker"])
def test_cookies(echo_server: LabServer, name: str, client: httpx.Client) -> None:
    tool = echo_server.tool_url(echo_server.open(name))
    path = httpx.URL(tool).path
    response = client.get(tool + "cookies", params={"set": ["a=1; Path=/", "b=2; Path=/; HttpOnly", "_xsrf=evil; Path=/"]})
    ours = [one for one in response.headers.get_list("Set-Cookie") if not one.startswith("username-")]
    assert ours == [f"a=1; Path={path}", f"b=2; HttpOnly; Path={path}"]
    assert sorted(client.get(tool + "cookies").text.split("; ")) == ["a=1", "b=2"]


def test_tool_can_be_framed_by_the_lab_only(echo: str, client: httpx.Client) -> None:
    headers = ["X-Frame-Options:DENY", "Content-Security-Policy:frame-ancestors 'none'; img-src 'self'"]
    response = client.get(echo + "cookies", params={"header": headers})
    assert "X-Frame-Options" not in response.headers
    assert response.headers["Content-Security-Policy"] == "img-src 'self', frame-ancestors 'self'"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["frame-ancestors 'none'"], ""),
        (["frame-ancestors 'none'; img-src 'self'"], "img-src 'self'"),
        (["img-src 'self'; FRAME-ANCESTORS 'none'; font-src x"], "img-src 'self'; font-src x"),
        (["img-src 'self'", "frame-ancestors 'none'; font-src x"], "img-src 'self', font-src x"),
    ],
)
def test_the_lab_may_frame_a_tool_that_forbids_it(echo: str, client: httpx.Client, sent: list[str], kept: str) -> None:
    answer = client.get(echo + "cookies", params={"header": [f"Content-Security-Policy:{one}" for one in sent]})
    policies = [one for one in ", ".join(answer.headers.get_list("Content-Security-Policy")).split(", ") if one]
    assert policies[-1] == "frame-ancestors 'self'"
    assert ", ".join(" ".join(one.replace(";", "; ").split()).strip("; ") for one in policies[:-1]) == kept


def test_events_come_one_by_one(tool: str, client: httpx.Client, tmp_path: Path) -> None:
    with client.stream("GET", tool + "events", params={"count": 3, "go": str(tmp_path / "go")}) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        lines = (line for line in response.iter_lines() if line)
        for number in range(3):
            # The tool sends the next one only after this file is there: a proxy that collects would hang here.
            assert next(lines) == f"data: {number}"
            (tmp_path / f"go{number}").touch()
        assert list(lines) == []


def chunks(size: int) -> Iterator[bytes]:
    block = bytes(range(256)) * 4096
    while size > 0:
        yield block[:size]
        size -= len(block)


@pytest.mark.parametrize("with_length", [True, False])
def test_large_upload_is_not_held_in_memory(echo_server: LabServer, client: httpx.Client, with_length: bool) -> None:
    size = 600 * 2**20
    url = echo_server.tool_url(echo_server.open("echo"), "upload")
    server = psutil.Process(echo_server.process.pid)
    before, most, done = server.memory_info().rss, 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, server.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        headers = {"Content-Length": str(size)} if with_length else {}
        answer = client.post(url, content=chunks(size), headers=headers).json()
    finally:
        done.set()
        watcher.join()
    digest = hashlib.sha256()
    for chunk in chunks(size):
        digest.update(chunk)
    assert (answer["size"], answer["sha256"]) == (size, digest.hexdigest())
    assert ("Content-Length" in answer["headers"]) is with_length
    assert most - before < 60 * 2**20


@pytest.mark.parametrize("length", ["", "1"])
def test_large_download_is_not_held_in_memory(echo_server: LabServer, client: httpx.Client, length: str) -> None:
    size = 300 * 2**20
    server = psutil.Process(echo_server.process.pid)
    before, most, received = server.memory_info().rss, 0, 0
    with client.stream(
        "GET", echo_server.tool_url(echo_server.open("echo"), "download"), params={"size": size, "length": length}
    ) as response:
        for chunk in response.iter_raw():
            received += len(chunk)
            most = max(most, server.memory_info().rss)
    assert received == size
    assert most - before < 60 * 2**20


def test_tool_that_refuses_a_body_early(echo: str, client: httpx.Client) -> None:
    response = client.post(echo + "refuse", content=chunks(50 * 2**20), headers={"Content-Length": str(50 * 2**20)})
    assert response.status_code in (413, 502)
    assert client.get(echo + "ready").text == "ready"


def test_answer_that_breaks_off_does_not_look_whole(echo: str, client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(echo + "break-off")
    assert client.get(echo + "ready").text == "ready"


def test_hanging_requests_hold_up_nobody_and_end_with_their_browser(echo: str, echo_server: LabServer, client: httpx.Client) -> None:
    with httpx.Client(headers=AUTHORIZATION, timeout=httpx.Timeout(60, read=0.5), limits=httpx.Limits(max_connections=None)) as impatient:

        def hang() -> None:
            with pytest.raises(httpx.ReadTimeout):
                impatient.get(echo + "hang")

        hanging = [threading.Thread(target=hang) for _ in range(150)]
        for thread in hanging:
            thread.start()
        for _ in range(10):
            assert client.get(echo + "ready").text == "ready"
            assert echo_server.client.get("instances").status_code == 200
        for thread in hanging:
            thread.join()
    wait_until(lambda: client.get(echo + "hanging").text == "0", "the end of the hanging requests", 20)
    wait_until(lambda: echo_server.client.get("instances/echo").json()["idle_seconds"] > 0, "the end of its use", 20)


def test_starting_failed_and_unknown_ones(make_server: Callable[..., LabServer], tmp_path: Path) -> None:
    slow = echo_tool("slow", command=("sh", "-c", f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; exit 5", "{socket}"))
    server = make_server([slow])
    server.client.post("instances", json={"tool": "slow"})
    url = f"{server.url}labyard/tools/slow/x"
    starting = httpx.get(url, headers=AUTHORIZATION)
    assert (starting.status_code, starting.headers["Retry-After"]) == (503, "1")
    assert starting.json()["error"]["code"] == "instance_starting"
    page = httpx.get(url, headers={**AUTHORIZATION, "Accept": "text/html"})
    assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert 'http-equiv="refresh"' in page.text
    assert httpx.post(url, headers=AUTHORIZATION, content=b"x" * 100_000).status_code == 503
    (tmp_path / "go").touch()
    server.wait_for("slow", "failed")
    failed = httpx.get(url, headers=AUTHORIZATION)
    assert (failed.status_code, failed.json()["error"]["code"]) == (502, "instance_not_running")
    assert "code 5" in failed.json()["error"]["message"]
    unknown = httpx.get(f"{server.url}labyard/tools/nope/<b>", headers={**AUTHORIZATION, "Accept": "text/html"})
    assert unknown.status_code == 404
    assert "<b>" not in unknown.text
    assert "http-equiv" not in unknown.text


def test_idle_one_ends_on_a_real_server(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool(idle_timeout_seconds=1)])
    instance = server.open("echo")
    stopped = server.wait_for("echo", "stopped", 20)
    assert "nobody used it" in stopped["reason"]
    assert httpx.get(server.tool_url(instance), headers=AUTHORIZATION).status_code == 502
    assert server.client.post("instances", json={"tool": "echo"}).status_code == 200
    server.wait_for("echo", "running")


def test_a_long_request_keeps_a_tool_in_use(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool(idle_timeout_seconds=1)])
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(server.tool_url(server.open("echo"), "hang"), headers=AUTHORIZATION, timeout=4)
    assert "nobody used it" in server.wait_for("echo", "stopped", 20)["reason"]


def test_strangers_are_sent_to_sign_in(echo: str) -> None:
    page = httpx.get(echo + "x")
    assert page.status_code == 302
    assert page.headers["Location"].startswith("/user/ada/login?next=")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert httpx.request(method, echo + "x").status_code == 403
    assert httpx.get(echo + "x", headers={"Authorization": "token wrong"}).status_code in (302, 403)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Origin": "http://{host}"}, 200),
        ("POST", {"Origin": "http://{host}", "Referer": "http://{host}/user/ada/labyard/tools/echo/x"}, 200),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ("GET", {}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        # What foreign pages can make a browser send:
        ("POST", {"Origin": "https://evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site", "Origin": "http://other.{host}"}, 403),
        ("POST", {"Referer": "https://evil.example/"}, 403),
        ("POST", {}, 403),
        ("DELETE", {"Origin": "http://{host}.evil.example"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.example"}, 403),
        # A page of another user's server on the same hub:
        ("POST", {"Origin": "http://{host}", "Referer": "http://{host}/user/eve/files/x.html"}, 403),
        ("POST", {"Origin": "http://{host}", "Referer": "http://{host}/user/adam/"}, 403),
    ],
)
def test_foreign_pages_are_blocked(  # noqa: PLR0917
    echo: str, echo_server: LabServer, browser: httpx.Client, method: str, headers: dict[str, str], status: int
) -> None:
    filled = {name: value.format(host=f"127.0.0.1:{echo_server.port}") for name, value in headers.items()}
    assert browser.request(method, echo + "x", headers=filled).status_code == status
    # A token is no cookie: no page can make a browser send one.
    assert httpx.request(method, echo + "x", headers={**filled, **AUTHORIZATION}).status_code == 200


def test_host_of_somebody_else_is_refused(echo: str) -> None:
    assert httpx.get(echo + "x", headers={**AUTHORIZATION, "Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("headers", [AUTHORIZATION, {}], ids=["unknown-tool", "not-signed-in"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refusal_leaves_the_connection_usable_or_says_that_it_closes_it(
    echo_server: LabServer, method: str, headers: dict[str, str]
) -> None:
    """A proxy in front keeps connections: one that closes unsaid would swallow somebody's next request."""
    connection = http.client.HTTPConnection("127.0.0.1", echo_server.port, timeout=10)
    connection.request(method, "/user/ada/labyard/tools/nothing/", body=b"x" if method == "POST" else None, headers=headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (302, 403, 404)
    if "close" not in (answer.getheader("Connection") or ""):
        assert connection.sock is not None
        connection.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            connection.sock.recv(1)
    connection.close()
