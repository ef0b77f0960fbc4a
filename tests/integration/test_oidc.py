"""Signing in at a real OpenID Connect provider, by HTTP: who gets in, as whom, with which rights, and for how long."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.oidc.provider import Person, Provider, start_provider
from tests.oidc.visitor import Visitor, start_with_login
from tests.platform import RunningPlatform, open_temporary_folder, wait_until
from tests.workers import free_port

pytestmark = pytest.mark.integration

PEOPLE = (
    Person.of("root-ada", "ml", "ml-admins"),
    Person.of("bob", "ml", "labyard-projects", "Labyard-Projects"),
    Person.of("carol", "ml"),
    Person.of("dan", "ml"),
    Person.of("eve", "sales"),
    Person.of("frank", "ml"),
    Person.of("grace", "ml"),
    Person.of("henry", "ml"),
    Person.of("ivan", "ml"),
    Person.of("nobody", "ml"),
    Person.of("jo--p0123456789", "ml"),
    Person.of("j\u00f3zef", "ml"),
    Person.of("O'Hara", "ml"),
)


@dataclass
class World:
    platform: RunningPlatform
    provider: Provider

    def visitor(self) -> Visitor:
        visitor = Visitor(self.platform.url)
        self.platform.clients.append(visitor.http)
        return visitor

    def entered(self, login: str) -> Visitor:
        visitor = self.visitor()
        arrived = visitor.enter(login)
        assert arrived.status_code == 200, arrived.text
        return visitor

    def users(self) -> dict[str, dict[str, object]]:
        return {one["name"]: one for one in json.loads(self.platform.labyard("user", "list", "--json").stdout)}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    port = free_port()
    with (
        open_temporary_folder() as folder,
        start_provider(f"http://labyard.localhost:{port}/hub/", *PEOPLE, ttl={"AccessToken": 4}) as provider,
    ):
        settings = {
            "allowed_groups": ["ml"], "admin_groups": ["ml-admins"], "refresh_seconds": 1, "display_name": "Example ID",
            "user_names": {"O'Hara": "ohara"},
        }  # fmt: skip
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


@pytest.mark.parametrize("wish", ["//evil.example/x", "https://evil.example/x", "/\\\\evil.example/x", "\\\\evil.example"])
def test_nobody_is_led_to_another_site(world: World, wish: str) -> None:
    visitor = world.visitor()
    form = visitor.http.get("hub/oauth_login", params={"next": wish})
    arrived = visitor.answer(form, "carol")
    assert {str(step.url.host) for step in [*arrived.history, arrived]} <= {"labyard.localhost", "localhost"}
    assert arrived.url.host == "labyard.localhost"


def test_the_way_there_has_state_nonce_and_pkce(world: World) -> None:
    answer = world.visitor().http.get("hub/oauth_login", follow_redirects=False)
    assert answer.status_code == 302
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == [f"{world.platform.url}hub/oauth_callback"]
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert min(len(asked[name][0]) for name in ("state", "nonce", "code_challenge")) >= 32
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("oauthenticator-state"))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/hub/" in cookie
    assert asked["code_challenge"][0] not in cookie


def test_a_wrong_group_is_refused_and_leaves_nothing_behind(world: World) -> None:
    visitor = world.visitor()
    refused = visitor.enter("eve")
    assert refused.status_code == 403
    assert "You are signed in at Example ID as eve" in refused.text
    assert "Ask an administrator of Labyard" in refused.text
    assert "oauth_login?again=1" in refused.text
    assert refused.headers["cache-control"] == "no-store"
    assert visitor.state_of() == 302
    assert "eve" not in world.users()


def test_somebody_else_can_sign_in_after_that(world: World) -> None:
    visitor = world.visitor()
    visitor.enter("eve")
    assert visitor.start().status_code == 403  # the provider remembers, and does not ask
    arrived = visitor.answer(visitor.start("hub/oauth_login?again=1"), "carol")
    assert arrived.status_code == 200
    assert visitor.me()["name"] == "carol"


def test_a_group_of_ours_cannot_be_given_by_the_provider(world: World) -> None:
    bob = world.entered("bob")
    assert bob.me()["groups"] == ["ml"]
    assert bob.me()["admin"] is False


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("nobody", "the name &#39;nobody&#39; is reserved"),
        ("jo--p0123456789", "single hyphens"),
        ("j\u00f3zef", "a character from another alphabet"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_the_rule(world: World, login: str, why: str) -> None:
    refused = world.visitor().enter(login)
    assert refused.status_code == 403
    assert why in refused.text
    assert "login.user_names" in refused.text
    assert login not in world.users()


def test_an_administrator_can_give_another_name(world: World) -> None:
    assert world.entered("O'Hara").me()["name"] == "ohara"


def test_people_with_names_alike_are_never_one_user(world: World) -> None:
    carol = world.entered("carol")
    for claim in ("Carol", "CAROL", "carol@elsewhere.example"):
        other = Person.of(f"other-{claim}", "ml", "ml-admins", preferred_username=claim)
        world.provider.add(other)
        refused = world.visitor().enter(other.login)
        assert refused.status_code == 403, claim
        assert "belongs to somebody else here" in refused.text
    assert carol.me()["admin"] is False
    kelvin = Person.of("kelvin", "ml", preferred_username="\u212aate")  # its small letter is a k
    world.provider.add(kelvin)
    assert world.visitor().enter("kelvin").status_code == 403


def test_who_is_called_otherwise_at_the_provider_stays_who_they_are(world: World) -> None:
    world.entered("frank")
    world.provider.people["frank"].claims["preferred_username"] = "francis"
    world.provider.tell()
    assert world.entered("frank").me()["name"] == "frank"
    newcomer = Person.of("new-frank", "ml", preferred_username="frank")
    world.provider.add(newcomer)
    assert world.visitor().enter("new-frank").status_code == 403


def test_the_right_to_administer_follows_the_group_both_ways(world: World) -> None:
    ada, dan = world.entered("root-ada"), world.entered("dan")
    assert ada.me()["admin"] is True
    assert dan.http.get("hub/admin").status_code == 403
    world.provider.change("dan", groups=["ml", "ml-admins", "gpu"])
    wait_until(lambda: dan.http.get("hub/admin").status_code == 200, "dan administers")
    assert sorted(dan.me()["groups"]) == ["gpu", "ml", "ml-admins"]
    world.provider.change("dan", groups=["ml"])
    wait_until(lambda: dan.http.get("hub/admin").status_code == 403, "dan no longer administers")
    assert (dan.me()["admin"], dan.me()["groups"]) == (False, ["ml"])


def test_the_admin_page_says_where_people_come_from(world: World) -> None:
    ada = world.entered("root-ada")
    world.entered("carol")
    page = ada.http.get("hub/admin").text
    assert "People come from Example ID" in page
    assert "carol" in page
    for gone in ("Invite a colleague", "Make administrator", "Create a password reset link", "no password yet"):
        assert gone not in page
    for path in ("hub/admin/invitations", "hub/admin/people/carol/promote"):
        assert ada.http.post(path, data={"_xsrf": ada.xsrf, "name": "x"}).status_code == 404, path
    assert "kept at Example ID" in ada.http.get("hub/account").text


def test_who_leaves_the_group_is_out_with_tokens(world: World) -> None:
    grace = world.entered("grace")
    token = grace.token("grace")
    with world.platform.client("hub/api/", token) as program:
        assert program.get("user").status_code == 200
        world.provider.change("grace", groups=["sales"])
        wait_until(lambda: grace.state_of() == 302, "grace is out")
        assert program.get("user").status_code in (401, 403)
        world.provider.change("grace", groups=["ml"])
        world.entered("grace")
        assert program.get("user").status_code == 200


def test_who_is_disabled_at_the_provider_is_out(world: World) -> None:
    henry = world.entered("henry")
    token = henry.token("henry")
    world.provider.change("henry", disabled=True)
    wait_until(lambda: henry.state_of() == 302, "henry is out")
    with world.platform.client("hub/api/", token) as program:
        assert program.get("user").status_code in (401, 403)


def test_who_is_disabled_does_not_get_into_a_server_that_runs(world: World) -> None:
    ivan = world.entered("ivan")
    ivan.start_server("ivan")

    def status() -> int:
        return ivan.http.get("user/ivan/api/contents", follow_redirects=False).status_code

    ivan.http.get("user/ivan/lab")  # over the hub's OAuth, as a browser goes
    assert status() == 200
    world.provider.change("ivan", disabled=True)
    wait_until(lambda: status() in (302, 401, 403), "ivan is out of the server", 60)


def test_an_access_token_that_ends_is_renewed_once_for_many_requests(world: World) -> None:
    """The provider takes every token back where a refresh token is used twice, so this would sign carol out."""
    carol = world.entered("carol")
    used = "grant: "
    before = sum(line.startswith(used) for line in world.provider.log)

    def refresh_token() -> str:
        with closing(sqlite3.connect(world.platform.state.hub / "jupyterhub.sqlite")) as database:
            return str(database.execute("SELECT encrypted_auth_state FROM users WHERE name = 'carol'").fetchone()[0])

    known = refresh_token()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert set(pool.map(lambda _: carol.http.get("hub/home", follow_redirects=False).status_code, range(16))) == {200}
            wait_until(lambda known=known: carol.state_of() == 200 and refresh_token() != known, "carol is asked about again")
            known = refresh_token()
    assert sum(line.startswith(used) for line in world.provider.log) == before


def test_what_the_provider_gave_is_encrypted_at_rest(world: World) -> None:
    world.entered("carol")
    with closing(sqlite3.connect(world.platform.state.hub / "jupyterhub.sqlite")) as database:
        found = database.execute("SELECT encrypted_auth_state FROM users WHERE name = 'carol'").fetchone()[0]
        claims = [row[0] for row in database.execute("SELECT claim FROM labyard_provider_identities")]
    assert b"carol" not in found
    assert "carol" in claims
    for log in ("hub", "service"):
        assert "se:cret" not in world.platform.log(log)


def _back(visitor: Visitor, login: str) -> str:
    """Return the address by which the provider sends somebody back, who has not gone there yet."""
    form = visitor.start()
    answer = visitor.http.post(
        str(form.url), data={"name": login, "password": "provider password", "do": "sign-in"}, follow_redirects=False
    )
    while "oauth_callback" not in answer.headers["location"]:
        answer = visitor.http.get(answer.headers["location"], follow_redirects=False)
    return str(answer.headers["location"])


def test_what_comes_back_must_be_what_went(world: World) -> None:
    visitor = world.visitor()
    address = _back(visitor, "carol")
    state = parse_qs(urlsplit(address).query)["state"][0]
    for other in (
        address.replace(state, "x" + state[1:]),
        address.replace(f"state={state}", ""),
        address.replace(state, "%ff%fe"),
        address.replace(state, "bnVsbA=="),
    ):
        refused = visitor.http.get(other)
        assert refused.status_code == 400, other
        assert "This sign-in is not valid any more" in refused.text
        assert visitor.state_of() == 302
    assert visitor.http.get(address).status_code == 400  # the first look used the cookie up


def test_a_stranger_cannot_sign_somebody_in(world: World) -> None:
    address = _back(world.visitor(), "carol")
    victim = world.visitor()
    victim.start()
    refused = victim.http.get(address)
    assert refused.status_code == 400
    assert victim.state_of() == 302


def test_a_code_works_once(world: World) -> None:
    visitor = world.visitor()
    address = _back(visitor, "carol")
    cookies = httpx.Cookies(visitor.http.cookies)
    assert visitor.http.get(address).status_code == 200
    again = world.visitor()
    again.http.cookies = cookies
    refused = again.http.get(address)
    assert refused.status_code == 502
    assert "answered with an error" in refused.text


def test_saying_no_at_the_provider(world: World) -> None:
    visitor = world.visitor()
    refused = visitor.answer(visitor.start(), "carol", do="cancel")
    assert refused.status_code == 400
    assert "The sign-in was cancelled" in refused.text
    assert "they said" not in refused.text  # what came by the address is nobody's to show


def test_an_error_of_the_provider_is_said_without_its_words(world: World) -> None:
    visitor = world.visitor()
    sent = visitor.http.get("hub/oauth_login", follow_redirects=False)
    state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
    refused = visitor.http.get("hub/oauth_callback", params={"state": state, "error": "<script>", "error_description": "<script>"})
    assert refused.status_code == 502
    assert "an unknown one" in refused.text
    assert "<script>" not in refused.text


def test_signing_out_goes_on_at_the_provider(world: World) -> None:
    visitor = world.entered("carol")
    done = visitor.http.post("hub/logout", data={"_xsrf": visitor.xsrf})
    assert done.status_code == 200
    assert "Signing you out at Example ID" in done.text
    address = done.headers["refresh"].removeprefix("0; url=")
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{world.provider.issuer}/session/end?")
    assert asked["post_logout_redirect_uri"] == [f"{world.platform.url}hub/logout"]
    assert asked["client_id"] == ["labyard"]
    assert len(asked["id_token_hint"][0]) > 100
    assert visitor.state_of() == 302
    question = visitor.http.get(address)
    back = visitor.confirm_end(question)
    assert str(back.url).startswith(f"{world.platform.url}hub/logout")
    assert "You are signed out" in back.text
    assert "Sign in at the provider" in visitor.start().text  # it asks again


def test_the_command_line_says_who_there_is_and_where_from(world: World) -> None:
    world.entered("root-ada")
    assert world.users()["root-ada"]["admin"] is True
    assert "root-ada" in world.platform.labyard("user", "list").stdout
    for command in (["invite", "zoe"], ["reset", "carol"], ["add", "zoe", "--password-stdin"]):
        refused = world.platform.labyard("user", *command, check=False, stdin="a long password\n")
        assert refused.returncode == 2, command
        assert "people come from Example ID here" in refused.stderr


def test_a_removed_person_who_comes_again_is_somebody_new(world: World) -> None:
    dan = world.entered("dan")
    home = world.platform.state.homes / "dan"
    assert world.platform.state.generation("dan") == 0
    world.platform.labyard("user", "remove", "dan", "--yes")
    assert dan.state_of() == 302
    assert "dan" not in world.users()
    assert world.platform.state.generation("dan") == 1
    assert not home.exists()
    assert world.entered("dan").me()["name"] == "dan"


def test_the_service_knows_the_people(world: World) -> None:
    ada = world.entered("root-ada")
    world.entered("carol")
    with world.platform.client("services/labyard/api/v1/", ada.token("root-ada")) as api:
        assert api.post("projects", json={"name": "vision"}).status_code == 201
        found = api.get("projects/vision/candidates", params={"query": "car"})
        assert found.json()["users"] == ["carol"], found.text
        assert api.post("projects/vision/members", json={"user": "carol", "role": "editor"}).status_code == 201
        assert api.post("projects/vision/members", json={"user": "eve", "role": "editor"}).status_code == 404


def _kill_hub(world: World) -> None:
    """Kill the hub, and wait until the supervisor has another one that answers."""
    hub = world.platform.process_id("hub")
    os.kill(hub, signal.SIGKILL)
    health = f"{world.platform.url}hub/health"

    def is_back() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return world.platform.process_id("hub") != hub and httpx.get(health, trust_env=False).status_code == 200
        return False

    wait_until(is_back, "the hub is back", 90)


def test_a_restart_keeps_people_signed_in(world: World) -> None:
    carol = world.entered("carol")
    _kill_hub(world)
    assert carol.me()["groups"] == ["ml"]


def test_a_provider_that_is_away_keeps_people_in_and_lets_nobody_new(world: World) -> None:
    """The last one: the provider does not come back."""
    carol = world.entered("carol")
    world.provider.stop()
    wait_until(lambda: carol.state_of() and "could not be asked about carol" in world.platform.log("hub"), "carol is asked about")
    assert carol.state_of() == 200
    visitor = world.visitor()
    assert visitor.http.get("hub/oauth_login", follow_redirects=False).status_code == 302  # where it is, is known for an hour
    _kill_hub(world)
    refused = visitor.http.get("hub/oauth_login")
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert "Signing in is not possible at this moment" in refused.text
    assert carol.state_of() == 200
