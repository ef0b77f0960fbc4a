"""Which projects somebody is in, asked of a service that answers in pages, or does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from labyard_hub.backends.kubernetes.volumes import Mount
from labyard_hub.exceptions import MembershipsUnknownError
from labyard_hub.hub_process.memberships import Memberships
from labyard_hub.hub_process.project_mounts import changes

FIRST = [{"id": "b--p1", "name": "b", "capabilities": ["read_files", "write_files"]}]
SECOND = [
    {"id": "a--p2", "name": "a", "capabilities": ["read_files"]},
    {"id": "c--p3", "name": "c", "capabilities": ["read_files", "see"]},
]


class Service:
    """Answers what a test wants; `asked` are the requests."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.status, self.changes = 200, 0
        self.url = ""

    def answer(self, handler: RequestHandler) -> dict[str, Any]:
        query = {name: handler.get_query_argument(name) for name in handler.request.query_arguments}
        self.asked.append({**query, "token": handler.request.headers["Authorization"]})
        if self.changes:  # somebody is removed while this is answered
            self.changes -= 1
            changes.count += 1
        handler.set_status(self.status)
        return {"projects": SECOND, "next_cursor": None} if "cursor" in query else {"projects": FIRST, "next_cursor": "more"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    running = Service()

    class Projects(RequestHandler):
        def get(self) -> None:
            self.finish(running.answer(self))

    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/services/labyard/api/v1/projects", Projects)]))
    server.add_sockets(sockets)
    running.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/services/labyard/"
    yield running
    server.stop()
    await server.close_all_connections()


async def test_all_pages_are_read_in_the_owner_s_name(service: Service) -> None:
    found = await Memberships(service.url).of_token("secret")
    assert found == (Mount("a--p2", "a", writable=False), Mount("b--p1", "b", writable=True), Mount("c--p3", "c", writable=False))
    assert [one["token"] for one in service.asked] == ["token secret"] * 2
    assert service.asked[0]["state"] == "all"


async def test_what_changed_meanwhile_is_asked_again(service: Service) -> None:
    service.changes = 1
    assert len(await Memberships(service.url).of_token("secret")) == 3
    assert len(service.asked) == 4


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_a_service_that_does_not_say(service: Service, status: int) -> None:
    service.status = status
    with pytest.raises(MembershipsUnknownError, match="cannot be looked up"):
        await Memberships(service.url).of_token("secret")


async def test_a_service_that_is_away() -> None:
    with pytest.raises(MembershipsUnknownError):
        await Memberships("http://127.0.0.1:9/services/labyard/").of_token("secret")
