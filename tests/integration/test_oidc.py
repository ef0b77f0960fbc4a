"""Signing in at a real OpenID Connect provider, by HTTP: who gets in, as whom, with which rights, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from tests.oidc.provider import Person, Provider, start_provider
from tests.oidc.visitor import Visitor, start_with_login
from tests.platform import RunningPlatform, open_temporary_folder
from tests.workers import free_port

pytestmark = pytest.mark.integration

PEOPLE = (
    Person.of("root-ada", "ml", "ml-admins"),
    Person.of("bob", "ml", "labyard-projects"),
    Person.of("carol", "ml"),
    Person.of("eve", "sales"),
    Person.of("nobody", "ml"),
)


@dataclass
class World:
    platform: RunningPlatform
    provider: Provider
    visitors: list[Visitor] = field(default_factory=list)

    def visitor(self) -> Visitor:
        visitor = Visitor(self.platform.url)
        self.platform.clients.append(visitor.http)
        return visitor


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    port = free_port()
    with open_temporary_folder() as folder, start_provider(f"http://127.0.0.1:{port}/hub/", *PEOPLE, ttl={"AccessToken": 4}) as provider:
        settings = {"allowed_groups": ["ml"], "admin_groups": ["ml-admins"], "refresh_seconds": 1, "display_name": "Example ID"}
        with start_with_login(folder / "state", port, provider, settings) as platform:
            yield World(platform, provider)


def test_no_setup_link_and_one_button(world: World) -> None:
    assert world.platform.last("setup") is None
    page = world.visitor().http.get("hub/")
    assert "Sign in with Example ID" in page.text
    assert "password" not in page.text.replace("never sees its password", "")
    assert 'type="password"' not in page.text
    for path in ("hub/setup?token=x", "hub/invite?token=x", "hub/signup"):
        assert world.visitor().http.get(path).status_code in (404, 403), path


def test_signing_in_leads_back_to_where_one_wanted_to_go(world: World) -> None:
    visitor = world.visitor()
    page = visitor.http.get("hub/token", follow_redirects=True)
    assert "Sign in with Example ID" in page.text
    link = page.text.partition('id="sign-in" href="')[2].partition('"')[0].replace("&amp;", "&")
    arrived = visitor.enter("carol", link)
    assert arrived.status_code == 200
    assert urlsplit(str(arrived.url)).path == "/hub/token"
    me = visitor.me()
    assert (me["name"], me["admin"], me["groups"]) == ("carol", False, ["ml"])
