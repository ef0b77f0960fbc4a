"""Projects' servers, by a hub that is made up at the HTTP edge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from labyard.models.sharing import ProjectServerState
from labyard_hub.backends.hub_servers import HubServers
from labyard_hub.exceptions import HubUnavailableError, ServerStartError

ID = "vision--p0123456789"
STARTED = "2026-11-24T16:00:22.701986Z"


@dataclass
class Hub:
    """Keeps users, servers and visitors."""

    users: set[str] = field(default_factory=set)
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    visitors: dict[str, list[str]] = field(default_factory=dict)
    start: int = 201
    down: bool = False
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[str] = field(default_factory=list)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("no")
        assert request.headers["Authorization"] == "token secret"
        path = request.url.raw_path.decode().removeprefix("/hub/api/")
        self.calls.append(f"{request.method} {path}")
        kind, *rest = path.removeprefix("labyard/").split("/", 1)
        body = json.loads(request.content or b"null")
        if kind == "users":
            return await self._server(request.method, rest[0].partition("/")[0])
        if kind == "project-users":
            known = rest[0] in self.users
            (self.users.add if request.method == "PUT" else self.users.discard)(rest[0])
            return httpx.Response(204 if known or request.method == "PUT" else 404)
        if rest[0].partition("/")[0] not in self.users:
            return httpx.Response(404)
        names = self.visitors.setdefault(rest[0], [])
        if request.method == "POST":
            names.append(body["user"])
        else:
            self.visitors[rest[0]] = [name for name in names if name in body["users"]]
        return httpx.Response(204)

    async def _server(self, method: str, name: str) -> httpx.Response:
        if name not in self.users:
            return httpx.Response(404, json={"message": "no"})
        if method == "GET":
            return httpx.Response(
                200, json=self.servers.get(name, {"ready": False, "pending": None, "started": None, "last_activity": None})
            )
        if method == "DELETE":
            return httpx.Response(204 if self.servers.pop(name, None) else 400)
        if self.start == 202:
            self.servers[name] = {"ready": False, "pending": "spawn", "started": STARTED, "last_activity": None}
            await self.hold.wait()
        if self.start < 300:
            self.servers[name] = {"ready": True, "pending": None, "started": STARTED, "last_activity": STARTED}
        return httpx.Response(self.start, json={"message": "it cannot be done."})


@pytest.fixture
async def hub() -> AsyncIterator[tuple[Hub, HubServers]]:
    made = Hub()
    async with httpx.AsyncClient(transport=httpx.MockTransport(made.answer)) as client:
        yield made, HubServers(client, api_url="http://hub/hub/api", base_url="/lab/", api_token="secret")


async def test_a_server_starts_and_lets_one_member_in(hub: tuple[Hub, HubServers]) -> None:
    made, servers = hub
    before = await servers.status(ID)
    assert (before.state, before.url, before.started_at) == (ProjectServerState.STOPPED, f"/lab/user/{ID}/lab", None)
    after = await servers.start(ID, "ada")
    assert after.state is ProjectServerState.RUNNING
    assert after.started_at is not None
    assert after.started_at.isoformat() == "2026-11-24T16:00:22.701986+00:00"
    assert (made.users, made.visitors) == ({ID}, {ID: ["ada"]})
    await servers.start(ID, "bob")
    assert made.visitors == {ID: ["ada", "bob"]}
    assert made.calls.count(f"POST users/{ID}/server") == 1


async def test_a_slow_start_goes_on_by_itself(hub: tuple[Hub, HubServers], monkeypatch: pytest.MonkeyPatch) -> None:
    made, servers = hub
    monkeypatch.setattr("labyard_hub.backends.hub_servers.SETTLE_SECONDS", 0.01)
    made.start = 202
    assert (await servers.start(ID, "ada")).state is ProjectServerState.STARTING
    assert (await servers.start(ID, "bob")).state is ProjectServerState.STARTING
    assert made.calls.count(f"POST users/{ID}/server") == 1
    start = servers._starts[ID]
    made.hold.set()
    await start
    assert (await servers.status(ID)).state is ProjectServerState.RUNNING


async def test_a_server_that_is_stopping_starts_when_it_has_stopped(hub: tuple[Hub, HubServers], monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub answers to a stop after 10 s at the latest, and refuses a start while the server stops."""
    made, servers = hub
    monkeypatch.setattr("labyard_hub.backends.hub_servers.SETTLE_SECONDS", 0.01)
    monkeypatch.setattr("labyard_hub.backends.hub_servers.LOOK_SECONDS", 0.01)
    made.users.add(ID)
    made.servers[ID] = {"ready": True, "pending": "stop", "started": STARTED, "last_activity": STARTED}
    for name in ("ada", "bob"):
        assert (await servers.start(ID, name)).state is ProjectServerState.STOPPING
    assert f"POST users/{ID}/server" not in made.calls
    start = servers._starts[ID]
    del made.servers[ID]
    await start
    assert (await servers.status(ID)).state is ProjectServerState.RUNNING
    assert made.calls.count(f"POST users/{ID}/server") == 1


async def test_a_server_that_never_stops_is_told_of(hub: tuple[Hub, HubServers], monkeypatch: pytest.MonkeyPatch) -> None:
    made, servers = hub
    monkeypatch.setattr("labyard_hub.backends.hub_servers.STOP_TIMEOUT_SECONDS", 0.01)
    made.users.add(ID)
    made.servers[ID] = {"ready": True, "pending": "stop", "started": STARTED, "last_activity": STARTED}
    with pytest.raises(ServerStartError, match="it does not stop"):
        await servers.start(ID, "ada")


async def test_a_start_that_fails_at_once_says_why(hub: tuple[Hub, HubServers]) -> None:
    made, servers = hub
    made.start = 500
    with pytest.raises(ServerStartError, match=r"it cannot be done\. Ask"):
        await servers.start(ID, "ada")
    assert (await servers.status(ID)).state is ProjectServerState.STOPPED


async def test_stopping_and_removing_what_is_not_there(hub: tuple[Hub, HubServers]) -> None:
    made, servers = hub
    await servers.stop(ID)
    await servers.remove(ID)
    await servers.set_visitors(ID, ["ada"])
    await servers.start(ID, "ada")
    await servers.stop(ID)
    await servers.stop(ID)
    await servers.remove(ID)
    assert (made.servers, made.users) == ({}, set())


async def test_only_those_who_may_stay(hub: tuple[Hub, HubServers]) -> None:
    made, servers = hub
    for name in ("ada", "bob", "carol"):
        await servers.start(ID, name)
    await servers.set_visitors(ID, {"bob", "dan"})
    assert made.visitors == {ID: ["bob"]}


async def test_tools(hub: tuple[Hub, HubServers]) -> None:
    made, servers = hub
    made.users.add("ada")
    await servers.allow_tool("ada", "", "bob")
    await servers.allow_tool("ada", "gpu", "carol")
    await servers.allow_tool("nobody", "", "bob")
    assert made.visitors == {"ada": ["bob"], "ada/gpu": ["carol"]}
    await servers.set_tool_visitors("ada", "gpu", [])
    await servers.set_tool_visitors("ada", "", ["bob"])
    assert made.visitors == {"ada": ["bob"], "ada/gpu": []}


async def test_a_hub_that_does_not_answer(hub: tuple[Hub, HubServers]) -> None:
    made, servers = hub
    made.down = True
    for call in (
        servers.status(ID), servers.start(ID, "ada"), servers.stop(ID), servers.set_visitors(ID, []), servers.remove(ID), servers.allow_tool("a", "", "b"),
        servers.set_tool_visitors("a", "", []),
    ):  # fmt: skip
        with pytest.raises(HubUnavailableError):
            await call


@pytest.mark.parametrize(("pending", "state"), [("spawn", "starting"), ("check", "starting"), ("stop", "stopping")])
async def test_what_goes_on(hub: tuple[Hub, HubServers], pending: str, state: str) -> None:
    made, servers = hub
    made.users.add(ID)
    made.servers[ID] = {"ready": False, "pending": pending, "started": None, "last_activity": None}
    assert (await servers.status(ID)).state == state
