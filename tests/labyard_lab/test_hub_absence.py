"""The owner works on while the hub is away; nobody else does. JupyterHub's own class asks a real server on loopback, which may be gone or silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from jupyterhub.services.auth import HubOAuth
from tornado.web import HTTPError

from labyard_lab.access import hub_absence
from labyard_lab.access.hub_absence import HubAbsence

HOUR = 3600.0


class Hub:
    """Answers as a hub does, with a status of the test's choice, or not at all."""

    def __init__(self) -> None:
        self.users = {"of-ada": "ada", "of-bob": "bob"}
        self.status, self.hangs, self.asked = 200, asyncio.Event(), 0
        self.hangs.set()

    async def user(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.hangs.wait()
        name = self.users.get(request.headers["Authorization"].removeprefix("token "))
        if self.status != 200 or name is None:
            return web.json_response({"message": "no"}, status=self.status if self.status != 200 else 403)
        return web.json_response({"name": name, "kind": "user", "scopes": ["access:servers!server=ada/"]})


class World:
    """A server of ada's: JupyterHub's class for it, the hub, and a clock."""

    def __init__(self, hub: Hub, auth: Any) -> None:
        self.hub, self.auth, self.now = hub, auth, 1000.0
        self.absence = HubAbsence("ada", HOUR, lambda: self.now)
        self.absence.install(auth)

    async def ask(self, token: str = "of-ada") -> str | None:
        self.auth.cache.clear()  # upstream's own, of some seconds
        model = await self.auth.user_for_token(token, sync=False)
        return model["name"] if model else None

    async def refused(self, token: str = "of-ada") -> HTTPError:
        with pytest.raises(HTTPError) as error:
            await self.ask(token)
        return error.value


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(hub_absence, "PATIENCE_SECONDS", 0.5)
    hub = Hub()
    application = web.Application()
    application.router.add_get("/hub/api/user", hub.user)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield World(hub, HubOAuth(api_url=f"http://127.0.0.1:{port}/hub/api", api_token="own", oauth_client_id="c", base_url="/user/ada/"))
    finally:
        hub.hangs.set()
        await runner.cleanup()


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_the_owner_works_on_for_as_long_as_the_setting_says(world: World, how: str) -> None:
    assert (await world.ask(), await world.ask("of-bob")) == ("ada", "bob")
    if how == "fails":
        world.hub.status = 500
    else:
        world.hub.hangs.clear()
    for world.now in (1006.0, 2000.0, 1000.0 + HOUR):
        assert await world.ask() == "ada"
        error = await world.refused("of-bob")
        assert error.status_code == 503
        assert "127.0.0.1" not in str(error), "no inner address is told"
    world.now += 10
    assert (await world.refused()).status_code == 503


async def test_a_silent_hub_is_waited_for_once_and_not_by_each_request(world: World) -> None:
    assert await world.ask() == "ada"
    world.hub.hangs.clear()
    asked = world.hub.asked
    for _ in range(20):
        assert await world.ask() == "ada"
    assert world.hub.asked == asked + 1
    world.now += hub_absence.AGAIN_SECONDS
    world.hub.hangs.set()
    assert await world.ask() == "ada"
    assert world.hub.asked == asked + 2


async def test_what_the_hub_says_counts_at_once(world: World) -> None:
    assert await world.ask() == "ada"
    del world.hub.users["of-ada"]
    assert await world.ask() is None
    world.hub.status = 500
    assert (await world.refused()).status_code == 503, "a token that was revoked stays so"


async def test_nobody_unknown_gets_in(world: World) -> None:
    world.hub.status = 500
    assert (await world.refused()).status_code == 503
    assert (await world.refused("made-up")).status_code == 503
