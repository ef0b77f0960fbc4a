"""Answers that no platform of this version gives, and when a request is sent again: a small server that says what it is told to."""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from labyard import AsyncClient, Client
from labyard.exceptions import (
    ApiError,
    ConflictError,
    ConnectionFailedError,
    LabyardError,
    MissingScopeError,
    NotFoundError,
    UnavailableError,
    UnexpectedAnswerError,
)
from tests.certificates import make_certificate

ME = {"name": "ada", "admin": False, "groups": []}


class Script:
    """What the server answers, one after the other, and what it was asked."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.server_port}/"
        self.answers: list[tuple[int, Any, dict[str, str]] | None] = []
        self.asked: list[tuple[str, str]] = []

    def add(self, status: int, body: Any = None, **headers: str) -> None:
        self.answers.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))

    def refuse(self, status: int, code: str, **headers: str) -> None:
        self.add(status, {"error": {"code": code, "message": f"this is {code}", "more": 1}}, **headers)

    def hang_up(self) -> None:
        self.answers.append(None)


@pytest.fixture
def script() -> Iterator[Script]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            script.asked.append((self.command, self.path))
            answer = script.answers.pop(0)
            if answer is None:
                self.close_connection = True
                return
            status, body, headers = answer
            content = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  # the base class names it so

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script = Script(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(script: Script) -> Iterator[Client]:
    with Client(script.url, "secret-token", timeout=5) as client:
        yield client


def test_what_a_newer_platform_says_more_is_no_error(script: Script, client: Client) -> None:
    script.add(200, {**ME, "quota": {"projects": 3}})
    assert client.me.get().name == "ada"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "something_not_found", NotFoundError),
        (409, "limit_of_something", ConflictError),
        (403, "missing_scope", MissingScopeError),
        (503, "hub_unavailable", UnavailableError),
        (418, "teapot", ApiError),
        (500, "internal", ApiError),
    ],
)
def test_codes_of_no_class_go_by_their_status(script: Script, client: Client, status: int, code: str, expected: type[ApiError]) -> None:
    script.refuse(status, code)
    with pytest.raises(ApiError) as caught:
        client.projects.archive("vision")
    assert (type(caught.value), caught.value.code, caught.value.status_code) == (expected, code, status)
    assert caught.value.message == f"this is {code}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "<html>", {}), UnexpectedAnswerError),
        ((200, {"name": "ada"}, {}), UnexpectedAnswerError),
        ((404, "<h1>404 : Not Found</h1>", {}), UnexpectedAnswerError),
        ((302, "", {"Location": "https://elsewhere.example/"}), UnexpectedAnswerError),
        ((502, "Bad Gateway", {}), UnavailableError),
    ],
)
def test_answers_of_something_else(
    script: Script, client: Client, answer: tuple[int, Any, dict[str, str]], expected: type[LabyardError]
) -> None:
    script.answers.append(answer)
    with pytest.raises(expected, match=script.url.rstrip("/")):
        client.me.get()


@pytest.mark.parametrize("when", ["0", "instant"])
def test_reading_is_tried_again_when_the_platform_asks_for_it(script: Script, client: Client, when: str) -> None:
    when = format_datetime(datetime.now(UTC) - timedelta(seconds=1), usegmt=True) if when == "instant" else when
    script.refuse(503, "hub_unavailable", Retry_After=when)
    script.refuse(503, "hub_unavailable", Retry_After=when)
    script.add(200, ME)
    assert client.me.get().name == "ada"
    assert len(script.asked) == 3


def test_it_waits_as_long_as_it_is_told(script: Script, client: Client) -> None:
    script.refuse(503, "hub_unavailable", Retry_After="1")
    script.add(200, ME)
    begun = time.monotonic()
    client.me.get()
    assert time.monotonic() - begun >= 1


async def test_the_asynchronous_client_tries_again_too(script: Script) -> None:
    script.refuse(503, "hub_unavailable", Retry_After="0")
    script.hang_up()
    async with AsyncClient(script.url, "secret-token") as client:
        with pytest.raises(ConnectionFailedError):
            await client.me.get()
        script.hang_up()
        script.add(200, ME)
        assert (await client.me.get()).name == "ada"


@pytest.mark.parametrize("wait", ["", "3600", "soon"])
def test_it_does_not_wait_for_ever_or_unasked(script: Script, client: Client, wait: str) -> None:
    script.refuse(503, "hub_unavailable", **({"Retry_After": wait} if wait else {}))
    with pytest.raises(UnavailableError):
        client.me.get()
    assert len(script.asked) == 1


def test_it_gives_up(script: Script, client: Client) -> None:
    for _ in range(9):
        script.refuse(503, "hub_unavailable", Retry_After="0")
    with pytest.raises(UnavailableError):
        client.me.get()
    assert len(script.asked) == 4


def test_what_changes_something_is_sent_once(script: Script, client: Client) -> None:
    script.refuse(503, "enforcement_pending", Retry_After="0")
    with pytest.raises(UnavailableError, match="enforcement_pending"):
        client.projects.archive("vision")
    script.hang_up()
    with pytest.raises(ConnectionFailedError):
        client.projects.archive("vision")
    assert len(script.asked) == 2


def test_a_connection_that_ended_is_opened_anew_for_reading(script: Script, client: Client) -> None:
    script.hang_up()
    script.add(200, ME)
    assert client.me.get().name == "ada"


def test_nothing_secret_is_logged(script: Script, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script.add(200, ME)
    script.refuse(404, "link_not_found")
    client.me.get()
    with pytest.raises(NotFoundError):
        client.projects.join("http://127.0.0.1/services/labyard/join/hidden-part")
    assert "GET me: 200" in caplog.text
    assert "secret-token" not in caplog.text
    assert "hidden-part" not in caplog.text


def test_this_machine_is_reached_without_a_proxy(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    script.add(200, ME)
    with Client(script.url, "secret-token") as client:
        assert client.me.get().name == "ada"


def test_certificates(script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    script.server.socket = context.wrap_socket(script.server.socket, server_side=True)
    url = f"https://localhost:{script.server.server_port}"
    with Client(url, "secret-token") as client, pytest.raises(ConnectionFailedError, match=r"not trusted here.*SSL_CERT_FILE"):
        client.me.get()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    script.add(200, ME)
    with Client(url, "secret-token") as client:
        assert client.me.get().name == "ada"
