"""The store in threads: hashing neither blocks the event loop nor queues without end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from labyard_hub.config.state import StateFolder
from labyard_hub.hub_process.identity import MAX_HASHING, AsyncIdentity, HubBusyError
from labyard_hub.hub_process.login.authenticator import LabyardAuthenticator
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.storage.identity_errors import UserUnknownError


@pytest.fixture
def identity(tmp_path: Path) -> AsyncIdentity:
    return AsyncIdentity(IdentityStore(tmp_path / "identity.db"))


async def test_the_queue_is_bounded_and_empties(identity: AsyncIdentity) -> None:
    go = threading.Event()
    waiting = [asyncio.ensure_future(identity.hashing(go.wait, 30)) for _ in range(MAX_HASHING)]
    await asyncio.sleep(0)
    with pytest.raises(HubBusyError) as refused:
        await identity.hashing(go.wait, 30)
    assert refused.value.status_code == 503
    assert refused.value.retry_after_seconds > 0
    # What hashes nothing goes on meanwhile.
    assert await asyncio.wait_for(identity.call(identity.store.list_users), 10) == []
    go.set()
    assert all(await asyncio.gather(*waiting))
    assert await identity.hashing(lambda: 7) == 7


async def test_a_visitor_who_leaves_frees_the_place_only_when_the_work_is_done(identity: AsyncIdentity) -> None:
    go = threading.Event()
    waiting = [asyncio.ensure_future(identity.hashing(go.wait, 30)) for _ in range(MAX_HASHING)]
    await asyncio.sleep(0)
    running = waiting[0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    go.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await identity.hashing(lambda: 7) == 7


async def test_a_hub_that_starts_looks_at_the_store_once(tmp_path: Path) -> None:
    authenticator = LabyardAuthenticator(state_dir=str(StateFolder.open(tmp_path / "state").root))
    for name in ("ada", "bob"):
        authenticator.identity.store.add_user(name, "correct horse battery")
    looks = mock.Mock(side_effect=authenticator.identity.store.get_user)
    with mock.patch.object(authenticator.identity.store, "get_user", looks):
        async with authenticator.look_up_all():
            await authenticator.add_user(SimpleNamespace(name="ada", groups=[]))
            for name in ("Ada", "eve"):
                with pytest.raises(UserUnknownError):
                    await authenticator.add_user(SimpleNamespace(name=name, groups=[]))
        assert looks.call_count == 0
        await authenticator.add_user(SimpleNamespace(name="bob", groups=[]))
    assert looks.call_count == 1
