"""How many people had a name before, by a hub that is made up at the HTTP edge."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from labyard_hub.backends.hub_generations import HubGenerations
from labyard_hub.exceptions import HubUnavailableError


class Hub:
    """Keeps what was removed, and holds answers back."""

    def __init__(self) -> None:
        self.removed: Any = {"dan": 2}
        self.questions = 0
        self.asked, self.let = asyncio.Event(), asyncio.Event()
        self.let.set()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/hub/api/labyard/generations"
        assert request.headers["Authorization"] == "token secret"
        self.questions += 1
        self.asked.set()
        answer = httpx.Response(200, json={"removed": self.removed})
        await self.let.wait()
        return answer


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def generations(hub: Hub) -> HubGenerations:
    client = httpx.AsyncClient(transport=httpx.MockTransport(hub.answer))
    return HubGenerations(client, api_url="http://hub/hub/api", api_token="secret")


async def test_it_is_what_the_hub_says(generations: HubGenerations) -> None:
    await generations.refresh()
    assert (generations.of("dan"), generations.of("ada")) == (2, 0)


async def test_before_the_hub_has_said_nobody_is_anybody(hub: Hub, generations: HubGenerations) -> None:
    hub.removed = None
    with pytest.raises(HubUnavailableError):
        generations.of("ada")
    with pytest.raises(HubUnavailableError):
        await generations.refresh()
    hub.removed = {}
    await generations.refresh()
    assert generations.of("ada") == 0


async def test_an_answer_is_no_older_than_the_call_and_calls_share_one(hub: Hub, generations: HubGenerations) -> None:
    hub.let.clear()
    first = asyncio.create_task(generations.refresh())
    await hub.asked.wait()
    hub.removed = {"dan": 3}
    others = [asyncio.create_task(generations.refresh()) for _ in range(20)]
    await asyncio.sleep(0)
    hub.let.set()
    await asyncio.gather(first, *others)
    assert generations.of("dan") == 3
    assert hub.questions == 2
