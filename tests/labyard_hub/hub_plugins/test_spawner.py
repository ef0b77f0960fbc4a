"""What a server is started with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from labyard_hub.hub_plugins.spawner import LabyardSpawner


def spawner(user: str) -> Any:
    return LabyardSpawner(user=SimpleNamespace(name=user, escaped_name=user))


@pytest.mark.parametrize(("user", "scopes"), [("ada", ["custom:labyard:use!user=ada"]), ("vision--p0123456789", [])])
def test_a_visitors_token_opens_the_service_for_the_servers_owner_alone(user: str, scopes: list[str]) -> None:
    assert spawner(user).oauth_client_allowed_scopes == scopes
