"""What visitors may do, without a platform: the policy, how long an answer holds, what viewers may send, and a server whose gate is missing."""

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

from labyard.permissions import Role, capabilities_of
from labyard_lab.access.authorizer import PersonalAuthorizer, VisitorAuthorizer
from labyard_lab.access.collaboration import save_id, viewer_may_send
from labyard_lab.access.gate import Gate
from labyard_lab.access.grants import FRESH_SECONDS, KEEP_SECONDS, Grants
from labyard_lab.access.policy import is_open_to_all, may_use_project_server, may_use_tool
from labyard_lab.access.servers import Ask, PersonalServer
from labyard_lab.access.visit import Visit, note_visit, target_of
from labyard_lab.proxy.tools import ToolHttpHandler, ToolWebsocketHandler

GUARDED = Gate(PersonalServer("ada", Grants("http://127.0.0.1:1/", "")), lambda _: None).guard


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
        assert may_use_project_server(capabilities_of(Role.VIEWER), one, method, is_websocket=is_websocket) is allowed
        assert may_use_project_server(capabilities_of(Role.EDITOR), one, method, is_websocket=is_websocket)
        assert may_use_project_server(capabilities_of(Role.OWNER), one, method, is_websocket=is_websocket)
        assert not may_use_project_server(capabilities_of(None), one, method, is_websocket=is_websocket)


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
    capabilities = capabilities_of(role)
    assert may_use_tool(capabilities, method, is_websocket=is_websocket) is allowed
    access = PersonalServer("ada", Grants("http://127.0.0.1:1/", ""))
    ask = Ask("bob", ToolHttpHandler, method, is_websocket, "echo")
    assert access.allows(ask, capabilities) is allowed
    assert not access.allows(Ask("bob", ContentsHandler, method, is_websocket, "echo"), capabilities)
    assert not access.allows(Ask("bob", ToolHttpHandler, method, is_websocket, None), capabilities)
    assert access.allows(Ask("ada", ContentsHandler, "PUT", False, None), capabilities_of(Role.OWNER))


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
    note_visit(request, Visit(Ask("bob", ToolWebsocketHandler, "GET", True, "echo"), acts=True))
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
    note_visit(request, Visit(Ask("bob", handler, "GET", False, None), acts=role is not Role.VIEWER))
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
        body = {
            "user": request.match_info.get("user", request.query.get("user")),
            "capabilities": sorted(capabilities_of(Role(self.role) if self.role else None)),
        }
        if "instance" in request.query:
            body["instance"] = request.query["instance"]
        else:
            body["role"] = self.role
        return web.json_response(body)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, Grants, list[float]]]:
    found, now = Service(), [0.0]
    app = web.Application()
    app.router.add_get("/api/v1/access/{user}", found.answer)
    app.router.add_get("/api/v1/tool-access", found.answer)
    async with TestServer(app) as server:
        grants = Grants(str(server.make_url("/")), "of-the-server", "gpu", lambda: now[0])
        yield found, grants, now
        await grants.close()


async def test_an_answer_holds_for_a_moment(service: tuple[Service, Grants, list[float]]) -> None:
    found, grants, now = service
    assert await asyncio.gather(*(grants.of("bob") for _ in range(5))) == [capabilities_of(Role.EDITOR)] * 5
    assert (found.asked, found.tokens) == (1, {"token of-the-server"})
    found.role = "viewer"
    now[0] = FRESH_SECONDS - 0.1
    assert await grants.of("bob") == capabilities_of(Role.EDITOR)
    now[0] = FRESH_SECONDS
    assert await grants.of("bob") == capabilities_of(Role.VIEWER)
    found.role = None
    now[0] = 2 * FRESH_SECONDS
    assert await grants.of("bob") == frozenset()
    assert await grants.of("bob", "echo") == frozenset()


async def test_without_an_answer_the_last_one_holds_for_a_while_and_no_longer(service: tuple[Service, Grants, list[float]]) -> None:
    found, grants, now = service
    assert await grants.of("bob") == capabilities_of(Role.EDITOR)
    found.status = 503
    now[0] = KEEP_SECONDS
    assert await grants.of("bob") == capabilities_of(Role.EDITOR)
    now[0] = KEEP_SECONDS + 0.1
    assert grants.last("bob") is None
    assert await grants.of("bob") is None, "unknown, and not refused"
    assert await grants.of("carol") is None
    found.status = 200
    now[0] += FRESH_SECONDS
    assert await grants.of("bob") == capabilities_of(Role.EDITOR)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_service_that_does_not_know_this_server_ends_all_visits(service: tuple[Service, Grants, list[float]], status: int) -> None:
    found, grants, now = service
    assert await grants.of("bob") == capabilities_of(Role.EDITOR)
    found.status, now[0] = status, FRESH_SECONDS
    assert await grants.of("bob") == frozenset()


async def test_an_answer_counts_from_when_it_was_asked_for(service: tuple[Service, Grants, list[float]]) -> None:
    found, grants, now = service
    found.gate.clear()
    asking = asyncio.create_task(grants.of("bob"))
    while not found.asked:
        await asyncio.sleep(0)
    now[0] = KEEP_SECONDS + 1  # the answer comes late: what it says may be true no longer
    found.gate.set()
    assert await asking is None


async def test_looking_never_waits(service: tuple[Service, Grants, list[float]]) -> None:
    found, grants, _ = service
    assert grants.last("bob") is None
    while not grants.last("bob"):
        await asyncio.sleep(0)
    assert grants.last("bob") == capabilities_of(Role.EDITOR)
    assert found.asked == 1


async def test_a_service_that_is_not_there(service: tuple[Service, Grants, list[float]]) -> None:
    grants = Grants("http://127.0.0.1:1/", "")
    assert await grants.of("bob") is None
    await grants.close()
