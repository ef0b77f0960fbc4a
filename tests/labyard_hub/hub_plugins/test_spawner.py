"""What a server is started with."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException

from labyard_hub.hub_plugins.spawner import LabyardSpawner


def spawner(user: str) -> Any:
    return LabyardSpawner(user=SimpleNamespace(name=user, escaped_name=user))


@pytest.mark.parametrize(("user", "scopes"), [("ada", ["custom:labyard:use!user=ada"]), ("vision--p0123456789", [])])
def test_a_visitors_token_opens_the_service_for_the_servers_owner_alone(user: str, scopes: list[str]) -> None:
    assert spawner(user).oauth_client_allowed_scopes == scopes


async def test_a_start_goes_on_when_the_server_says_that_it_answers() -> None:
    starting = spawner("ada")
    starting.port = 1  # nobody listens there
    starting.told_ready = asyncio.Event()
    running = SimpleNamespace(poll=lambda: None)
    waiting = asyncio.create_task(starting._wait_ready(running))
    await asyncio.sleep(0)
    assert not waiting.done()
    starting.told_ready.set()
    await waiting


async def test_a_server_that_ends_is_waited_for_no_longer() -> None:
    starting = spawner("ada")
    starting.port = 1
    starting.told_ready = asyncio.Event()
    with pytest.raises(SpawnException, match="status 3"):
        await starting._wait_ready(SimpleNamespace(poll=lambda: 3))
