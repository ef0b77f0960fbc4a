"""The store in threads: hashing neither blocks the event loop nor queues without end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from tornado import web

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


class Leaving:
    """A user of the hub who is removed: what is done to them, until `fails`."""

    def __init__(self, name: str, authenticator: LabyardAuthenticator, fails: str = "") -> None:
        self.name, self.spawners, self.settings = name, {}, {}
        self.spawner = self
        self._authenticator, self._fails = authenticator, fails
        self.done: list[str] = []
        self.comes_back = False

    async def retire(self) -> None:
        assert self._fails != "retire" or self.done, "killed"
        # Whoever takes the name before that would get what is put away here.
        self.done.append(f"put away, {'still' if self._authenticator.identity.store.get_user(self.name) else 'no longer'} known")

    async def has_home(self) -> bool:
        return self.comes_back


@pytest.fixture
def people(tmp_path: Path) -> LabyardAuthenticator:
    authenticator = LabyardAuthenticator(state_dir=str(StateFolder.open(tmp_path / "state").root))
    authenticator.identity.store.add_user("ada", "correct horse battery", admin=True)
    authenticator.identity.store.add_user("bob", "correct horse battery")
    return authenticator


async def test_a_name_is_free_once_nothing_of_its_owner_is_left(people: LabyardAuthenticator) -> None:
    bob = Leaving("bob", people)
    await people.delete_user(bob)
    assert bob.done == ["put away, still known"]
    assert people.identity.store.get_user("bob") is None


async def test_a_removal_that_was_killed_is_done_again(people: LabyardAuthenticator) -> None:
    with pytest.raises(AssertionError, match="killed"):
        await people.delete_user(Leaving("bob", people, fails="retire"))
    assert people.identity.store.get_user("bob") is not None
    await people.delete_user(Leaving("bob", people))
    assert people.identity.store.get_user("bob") is None


async def test_what_a_user_starts_while_being_removed_is_put_away_too(people: LabyardAuthenticator) -> None:
    bob = Leaving("bob", people)
    bob.comes_back = True
    await people.delete_user(bob)
    assert bob.done == ["put away, still known", "put away, no longer known"]


async def test_the_last_administrator_keeps_everything(people: LabyardAuthenticator) -> None:
    ada = Leaving("ada", people)
    with pytest.raises(web.HTTPError) as refused:
        await people.delete_user(ada)
    assert (refused.value.status_code, ada.done) == (409, [])
    assert people.identity.store.get_user("ada").admin  # type: ignore[union-attr]


async def test_a_user_is_removed_once_at_a_time(people: LabyardAuthenticator) -> None:
    first = Leaving("bob", people)
    answers = await asyncio.gather(people.delete_user(first), people.delete_user(Leaving("bob", people)), return_exceptions=True)
    assert [getattr(answer, "status_code", None) for answer in answers] == [None, 409]
    assert len(first.done) == 1
