"""How long the gateway goes by what the service has said."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from labyard_hub.mlflow_server.mlflow_gateway.authority import CACHE_SECONDS, FRESH_SECONDS, READ, WRITE, Authority, RefusedError

SERVICE_KEEPS_SECONDS = 3.0
"""What the hub said is kept by the service for so long."""


class Service:
    """A service and a clock that the test moves."""

    def __init__(self) -> None:
        self.now, self.questions, self.may, self.status = 0.0, 0, [READ, WRITE], 200
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://service/")
        self.authority = Authority(client, lambda: self.now)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.questions += 1
        if self.status != 200:
            return httpx.Response(self.status, json={"error": {"code": "x", "message": "no"}})
        return httpx.Response(200, json={"user": "ada", "workspace": "ada", "workspaces": {"ada": self.may}})

    async def ask(self) -> Any:
        return (await self.authority.identify("Bearer x", None)).workspaces["ada"]

    async def settle(self) -> None:
        """Let what goes on in the background come to its end."""
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            await task


async def test_a_fresh_answer_needs_no_question() -> None:
    service = Service()
    assert [await service.ask() for _ in range(5)] == [{READ, WRITE}] * 5
    assert service.questions == 1


async def test_nobody_who_goes_on_working_waits() -> None:
    service = Service()
    await service.ask()
    service.now, service.may = FRESH_SECONDS + 0.1, [READ]
    assert await service.ask() == {READ, WRITE}  # at once; the question is asked meanwhile
    await service.settle()
    assert service.questions == 2
    assert await service.ask() == {READ}
    assert service.questions == 2


async def test_a_revoked_token_is_refused_in_time() -> None:
    assert CACHE_SECONDS + SERVICE_KEEPS_SECONDS < 10
    service = Service()
    await service.ask()
    service.now, service.status = CACHE_SECONDS, 401
    with pytest.raises(RefusedError):  # after a pause the first request waits for the new answer
        await service.ask()
    # And while somebody works on without a pause.
    service = Service()
    await service.ask()
    service.now, service.status = FRESH_SECONDS, 401
    await service.ask()
    await service.settle()
    with pytest.raises(RefusedError):
        await service.ask()


async def test_a_service_that_is_away_counts_for_no_longer() -> None:
    service = Service()
    await service.ask()
    service.status = 500
    service.now = FRESH_SECONDS
    assert await service.ask() == {READ, WRITE}
    await service.settle()
    service.now = CACHE_SECONDS
    with pytest.raises(RefusedError) as refused:
        await service.ask()
    assert refused.value.status == 503


async def test_who_was_refused_is_let_in_at_once_when_they_may() -> None:
    service = Service()
    service.status = 403
    with pytest.raises(RefusedError):
        await service.ask()
    service.now, service.status = FRESH_SECONDS, 200
    assert await service.ask() == {READ, WRITE}
