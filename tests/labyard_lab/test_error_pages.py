"""Errors of a server, as browsers and programs get them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.services.contents.handlers import ContentsHandler
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from labyard_lab.access.gate import Gate
from labyard_lab.access.grants import Grants
from labyard_lab.access.servers import PersonalServer
from labyard_lab.error_pages import WithErrorPages

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Failing(WithErrorPages, web.RequestHandler):
    def get(self, kind: str) -> None:
        self.asked_by = "bob"  # as the gate says
        if kind == "crash":
            raise ValueError("secret")
        raise web.HTTPError(int(kind), "you are a <viewer>: %s", "ask ada") if kind != "404" else web.HTTPError(404)

    post = get


class Api(WithErrorPages, APIHandler):
    async def prepare(self) -> None:
        raise web.HTTPError(403, "not yours")

    def get_current_user(self) -> None:
        return None


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("JUPYTERHUB_BASE_URL", "/base/")
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/base/user/bob/")
    monkeypatch.setenv("JUPYTERHUB_HOST", "http://labyard.example.org")
    [socket] = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(web.Application([(r"/api", Api), (r"/(.*)", Failing)]))
    server.add_socket(socket)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{socket.getsockname()[1]}", trust_env=False) as client:
        yield client
    server.stop()


async def test_a_browser_is_shown_the_reason_and_a_way_on(client: httpx.AsyncClient) -> None:
    page = await client.get("/403", headers=BROWSER)
    assert page.status_code == 403
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "You are a &lt;viewer&gt;: ask ada." in page.text
    assert 'href="http://labyard.example.org/base/hub/home">Home' in page.text
    assert "<summary>bob</summary>" in page.text
    assert 'href="/base/user/bob/lab">Open JupyterLab' in page.text
    assert 'href="http://labyard.example.org/base/hub/logout">Sign out' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "mistyped" in (await client.get("/404", headers=BROWSER)).text


async def test_a_crash_shows_nothing_of_the_inside(client: httpx.AsyncClient) -> None:
    page = await client.get("/crash", headers=BROWSER)
    assert page.status_code == 500
    assert "Something went wrong here" in page.text
    assert "secret" not in page.text


async def test_an_address_of_the_api_that_is_typed_into_a_browser_is_shown_too(client: httpx.AsyncClient) -> None:
    page = await client.get("/api", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "Not yours." in page.text


async def test_programs_and_forms_get_what_they_always_got(client: httpx.AsyncClient) -> None:
    for method, path, headers in (("GET", "/403", {}), ("GET", "/403", {"Accept": "application/json"}), ("POST", "/403", BROWSER)):
        answer = await client.request(method, path, headers=headers)
        assert answer.status_code == 403
        assert "Labyard" not in answer.text
    assert (await client.get("/api")).json()["message"] == "not yours"


def test_the_gate_gives_every_handler_these_pages() -> None:
    guard: Any = Gate(PersonalServer("ada", Grants("http://127.0.0.1:1/", "")), lambda _: None).guard
    for handler in (JupyterHandler, ContentsHandler, web.StaticFileHandler):
        assert issubclass(guard(handler), WithErrorPages)
