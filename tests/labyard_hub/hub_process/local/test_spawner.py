"""What a server is started with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException

from labyard_hub.backends.local.limits import ControlGroup, Limits
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.domain.profiles import Choice
from labyard_hub.hub_process.local.spawner import LabyardSpawner
from labyard_hub.hub_process.starting.grants import Granted


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


def granted(**limits: Any) -> Granted:
    return Granted.of(Choice(ProfileSettings(name="small", title="CPU small", **limits), None, "lab"), [], datetime(2026, 1, 1, tzinfo=UTC))


def test_the_limits_are_those_of_what_was_granted() -> None:
    starting = spawner("ada")
    starting.grant(granted(cpu_cores=2, memory_bytes=2**30))
    assert starting._limits == Limits(2**30, 2, 4096)
    starting.grant(granted())
    assert starting._limits == Limits(None, None, 4096)


async def test_a_server_without_memory_to_start_says_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starting = spawner("ada")
    starting.port = 1
    starting.told_ready = asyncio.Event()
    starting.grant(granted(memory_bytes=2**28))
    (tmp_path / "cgroup.controllers").write_text("memory")
    group = ControlGroup("one", tmp_path)
    (tmp_path / "labyard" / "one").mkdir(parents=True)
    (tmp_path / "labyard" / "one" / "memory.events").write_text("oom_kill 1\n")
    monkeypatch.setattr(LabyardSpawner, "_control_group", group)
    with pytest.raises(SpawnException) as caught:
        await starting._wait_ready(SimpleNamespace(poll=lambda: -9))
    assert caught.value.reason == "out_of_memory"
    assert caught.value.message == "It needed more memory to start than the profile “CPU small” allows, which is 256 MiB."
