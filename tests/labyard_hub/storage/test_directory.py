"""Who there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from labyard_hub.exceptions import InvalidNameError
from labyard_hub.storage.directory import CACHE_SECONDS, IdentityDirectory
from labyard_hub.storage.identity import IdentityStore


async def test_those_who_have_an_account_are_there(tmp_path: Path) -> None:
    store, now = IdentityStore(tmp_path / "identity.db"), [0.0]
    directory = IdentityDirectory(store, lambda: now[0])
    assert list(await directory.names()) == []
    store.add_user("bob", "a-long-enough-password")
    store.add_user("ada", None)
    assert await directory.exists("ada")
    assert not await directory.exists("Ada")
    assert not await directory.exists("carol")
    assert list(await directory.names()) == []
    now[0] = CACHE_SECONDS
    assert list(await directory.names()) == ["ada", "bob"]
    store.remove_user("ada")
    assert not await directory.exists("ada")


def test_a_projects_own_user_is_nobody_who_can_sign_in(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identity.db")
    with pytest.raises(InvalidNameError):
        store.add_user("vision--p0123456789", "a-long-enough-password")
    with pytest.raises(InvalidNameError):
        store.create_invitation("vision--p0123456789", False, 3600)
