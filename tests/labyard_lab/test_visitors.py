"""What visitors may do, without a platform: the policy, the roles' age, what viewers may send, and a server whose gate is missing."""

# ruff: noqa: ASYNC110  it waits for requests that are under way
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from jupyter_server.base.handlers import FileFindHandler, PrometheusMetricsHandler
from jupyter_server.services.contents.handlers import ContentsHandler
from jupyter_server.services.events.handlers import SubscribeWebsocket
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from jupyter_server_proxy.handlers import LocalProxyHandler
from jupyter_server_ydoc.handlers import DocForkHandler, DocSessionHandler, TimelineHandler, YDocWebSocketHandler
from pycrdt import Doc, Text, create_awareness_message, create_sync_message, create_update_message, handle_sync_message
from tornado import web as tornado_web

from labyard.models.authorization import Role
from labyard_lab.proxy.tools import ToolHttpHandler, ToolWebsocketHandler
from labyard_lab.visitors.access import Ask, PersonalServer
from labyard_lab.visitors.authorizer import PersonalAuthorizer, VisitorAuthorizer
from labyard_lab.visitors.collaboration import save_id, viewer_may_send
from labyard_lab.visitors.gate import Gate
from labyard_lab.visitors.policy import is_open_to_all, may_use_project_server, may_use_tool
from labyard_lab.visitors.roles import FRESH_SECONDS, KEEP_SECONDS, Roles
from labyard_lab.visitors.visit import Visit, note_visit, target_of

GUARDED = Gate(PersonalServer("ada", Roles("http://127.0.0.1:1/", "")), lambda _: None).guard


@pytest.mark.parametrize(
    ("handler", "method", "is_websocket", "allowed"),
    [
        (ContentsHandler, "GET", False, True),
        (ContentsHandler, "HEAD", False, True),
        (ContentsHandler, "PUT", False, False),
        (ContentsHandler, "PURGE", False, False),
        (ContentsHandler, "get", False, False),
        (KernelWebsocketHandler, "GET", True, False),
        (SubscribeWebsocket, "GET", True, True),
        (SubscribeWebsocket, "POST", True, True),
        (YDocWebSocketHandler, "GET", True, True),
        (DocSessionHandler, "PUT", False, True),
        (DocSessionHandler, "POST", False, False),
        (TimelineHandler, "GET", False, False),
        (DocForkHandler, "GET", False, False),
        (LocalProxyHandler, "GET", False, False),
        (LocalProxyHandler, "GET", True, False),
        (ToolHttpHandler, "GET", False, True),
        (ToolHttpHandler, "POST", False, False),
        (ToolWebsocketHandler, "GET", True, False),
        (tornado_web.RequestHandler, "GET", False, True),
        (tornado_web.RequestHandler, "GET", True, False),
    ],
)
def test_viewers_of_a_project(handler: type, method: str, is_websocket: bool, allowed: bool) -> None:
    for one in (handler, GUARDED(handler)):
        assert may_use_project_server(Role.VIEWER, one, method, is_websocket=is_websocket) is allowed
        assert may_use_project_server(Role.EDITOR, one, method, is_websocket=is_websocket)
        assert may_use_project_server(Role.OWNER, one, method, is_websocket=is_websocket)
        assert not may_use_project_server(None, one, method, is_websocket=is_websocket)


@pytest.mark.parametrize(
    ("role", "method", "is_websocket", "allowed"),
    [
        (Role.VIEWER, "GET", False, True),
        (Role.VIEWER, "POST", False, False),
        (Role.VIEWER, "GET", True, False),
        (Role.EDITOR, "POST", False, True),
        (Role.OWNER, "GET", True, True),
        (None, "GET", False, False),
    ],
)
def test_tools_of_colleagues(role: Role | None, method: str, is_websocket: bool, allowed: bool) -> None:
    assert may_use_tool(role, method, is_websocket=is_websocket) is allowed
    access = PersonalServer("ada", Roles("http://127.0.0.1:1/", ""))
    ask = Ask("bob", ToolHttpHandler, method, is_websocket, "echo")
    assert access.allows(ask, role) is allowed
    assert not access.allows(Ask("bob", ContentsHandler, method, is_websocket, "echo"), role)
    assert not access.allows(Ask("bob", ToolHttpHandler, method, is_websocket, None), role)
    assert access.allows(Ask("ada", ContentsHandler, "PUT", False, None), Role.OWNER)


def test_open_to_all_are_files_of_pages_and_not_whatever_is_marked_so() -> None:
    assert is_open_to_all(FileFindHandler, "GET")
    assert not is_open_to_all(FileFindHandler, "POST")
    assert not is_open_to_all(PrometheusMetricsHandler, "GET")
    assert not is_open_to_all(ContentsHandler, "GET")


def test_the_gates_own_class_is_known_by_the_one_it_extends() -> None:
    kind = GUARDED(LocalProxyHandler)
    assert GUARDED(LocalProxyHandler) is kind
    assert (kind.__name__, kind.__module__) == ("LocalProxyHandler", "jupyter_server_proxy.handlers")
    handler = object.__new__(kind)
    assert target_of(handler) is LocalProxyHandler
    assert target_of(object()) is object


def test_a_server_whose_gate_is_missing_serves_nobody() -> None:
    ada = SimpleNamespace(username="ada")
    assert not VisitorAuthorizer().is_authorized(SimpleNamespace(), ada, "read", "contents")


def test_a_personal_server_without_its_gate_serves_its_owner_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    ada, bob, authorizer = SimpleNamespace(username="ada"), SimpleNamespace(username="bob"), PersonalAuthorizer()
    assert authorizer.is_authorized(SimpleNamespace(), ada, "execute", "kernels")
    assert not authorizer.is_authorized(SimpleNamespace(), bob, "read", "contents")
    assert not authorizer.is_authorized(SimpleNamespace(), None, "read", "contents")
    request = SimpleNamespace()
    note_visit(request, Visit(Ask("bob", ToolWebsocketHandler, "GET", True, "echo"), Role.EDITOR))
    assert authorizer.is_authorized(request, bob, "execute", "labyard")
    assert not authorizer.is_authorized(request, SimpleNamespace(username="eve"), "read", "labyard")


@pytest.mark.parametrize(
    ("role", "handler", "action", "allowed"),
    [
        (Role.VIEWER, ContentsHandler, "read", True),
        (Role.VIEWER, ContentsHandler, "write", False),
        (Role.VIEWER, ContentsHandler, "execute", False),
        (Role.VIEWER, SubscribeWebsocket, "execute", True),
        (Role.VIEWER, DocSessionHandler, "write", True),
        (Role.EDITOR, ContentsHandler, "execute", True),
    ],
)
def test_the_second_look(role: Role, handler: type, action: str, allowed: bool) -> None:
    request = SimpleNamespace()
    note_visit(request, Visit(Ask("bob", handler, "GET", False, None), role))
    authorizer = VisitorAuthorizer()
    assert authorizer.is_authorized(request, SimpleNamespace(username="bob"), action, "x") is allowed
    assert not authorizer.is_authorized(request, SimpleNamespace(username="eve"), "read", "x")
    assert not authorizer.is_authorized(request, None, "read", "x")


def test_what_viewers_may_send_changes_no_document() -> None:
    doc: Doc[Any] = Doc()
    doc["source"] = Text("x")
    update = create_update_message(doc.get_update())
    assert viewer_may_send(create_sync_message(doc))
    assert viewer_may_send(create_awareness_message(b"\x01"))
    reply = handle_sync_message(create_sync_message(Doc())[1:], doc)
    assert reply is not None
    for message in (
        update,
        reply,
        b"",
        b"\x00",
        b"\x02\x04save\x01",
        b"\x7d",
        b"\x80\x00\x02",
        b"\x00\x82\x00",
        b"\x81\x00",
        "text",
        bytes([3]),
    ):
        assert not viewer_may_send(message), message


@pytest.mark.parametrize(
    ("message", "number"),
    [(b"\x02\x04save\x07", 7), (b"\x02\x04save\xac\x02", 300), (b"\x02\x04sav", None), (b"\x02", None), (b"\x02\xff\xff\xff\xff\xff\xff", None), (b"\x00\x00", None),
     ("save", None), (b"\x02\x04save", None)],
)  # fmt: skip
def test_a_request_to_save_is_answered_by_its_number(message: bytes | str, number: int | None) -> None:
    assert save_id(message) == number


class Service:
    """A labyard service that says what a test wants, or nothing."""

    def __init__(self) -> None:
        self.role: str | None = "editor"
        self.status, self.asked = 200, 0
        self.tokens: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        self.tokens.add(request.headers["Authorization"])
        await self.gate.wait()
        if self.status != 200:
            return web.Response(status=self.status, text="x")
        body = {"user": request.match_info.get("user", request.query.get("user")), "role": self.role}
        if "instance" in request.query:
            body["instance"] = f"{request.query['instance']}"
        return web.json_response(body)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, Roles, list[float]]]:
    found, now = Service(), [0.0]
    app = web.Application()
    app.router.add_get("/api/v1/access/{user}", found.answer)
    app.router.add_get("/api/v1/tool-access", found.answer)
    async with TestServer(app) as server:
        roles = Roles(str(server.make_url("/")), "of-the-server", "gpu", lambda: now[0])
        yield found, roles, now
        await roles.close()


async def test_an_answer_holds_for_a_moment(service: tuple[Service, Roles, list[float]]) -> None:
    found, roles, now = service
    assert await asyncio.gather(*(roles.of("bob") for _ in range(5))) == [Role.EDITOR] * 5
    assert (found.asked, found.tokens) == (1, {"token of-the-server"})
    found.role = "viewer"
    now[0] = FRESH_SECONDS - 0.1
    assert await roles.of("bob") is Role.EDITOR
    now[0] = FRESH_SECONDS
    assert await roles.of("bob") is Role.VIEWER
    found.role = None
    now[0] = 2 * FRESH_SECONDS
    assert await roles.of("bob") is None
    assert await roles.of("bob", "echo") is None


async def test_without_an_answer_the_last_one_holds_for_a_while_and_no_longer(service: tuple[Service, Roles, list[float]]) -> None:
    found, roles, now = service
    assert await roles.of("bob") is Role.EDITOR
    found.status = 503
    now[0] = KEEP_SECONDS
    assert await roles.of("bob") is Role.EDITOR
    now[0] = KEEP_SECONDS + 0.1
    assert roles.last("bob") is None
    assert await roles.of("bob") is None
    assert await roles.of("carol") is None
    found.status = 200
    now[0] += FRESH_SECONDS
    assert await roles.of("bob") is Role.EDITOR


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_service_that_does_not_know_this_server_ends_all_visits(service: tuple[Service, Roles, list[float]], status: int) -> None:
    found, roles, now = service
    assert await roles.of("bob") is Role.EDITOR
    found.status, now[0] = status, FRESH_SECONDS
    assert await roles.of("bob") is None


async def test_an_answer_counts_from_when_it_was_asked_for(service: tuple[Service, Roles, list[float]]) -> None:
    found, roles, now = service
    found.gate.clear()
    asking = asyncio.create_task(roles.of("bob"))
    while not found.asked:
        await asyncio.sleep(0)
    now[0] = KEEP_SECONDS + 1  # the answer comes late: what it says may be true no longer
    found.gate.set()
    assert await asking is None


async def test_looking_never_waits(service: tuple[Service, Roles, list[float]]) -> None:
    found, roles, _ = service
    assert roles.last("bob") is None
    while roles.last("bob") is None:
        await asyncio.sleep(0)
    assert roles.last("bob") is Role.EDITOR
    assert found.asked == 1


async def test_a_service_that_is_not_there(service: tuple[Service, Roles, list[float]]) -> None:
    roles = Roles("http://127.0.0.1:1/", "")
    assert await roles.of("bob") is None
    await roles.close()
