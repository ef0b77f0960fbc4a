"""Signing in on a real hub, and what hostile visitors get."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from labyard_hub.cli.hub_api import remove_hub_user
from labyard_hub.config.proxy_word import PROXY_HEADER
from tests.integration.pages_hub import PASSWORD, Client, Hub, start_hub
from tests.platform import wait_until

pytestmark = pytest.mark.integration

OTHER = "staple of another kind"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with an administrator, ada. Tests add the other users that they need."""
    with start_hub(tmp_path_factory.mktemp("hub") / "state", attempts_per_user=5, attempts_per_address=100_000) as running:
        running.store.add_user("ada", PASSWORD, admin=True)
        yield running


@pytest.fixture
def bob(hub: Hub) -> Iterator[str]:
    """A user of this test's own."""
    name = f"bob-{time.monotonic_ns()}"
    hub.store.add_user(name, PASSWORD)
    yield name
    remove_hub_user(hub.state, name)
    if hub.store.get_user(name):
        hub.store.remove_user(name)


def test_first_run_from_link_to_home(tmp_path: Path) -> None:
    with start_hub(tmp_path / "state") as hub:
        token = hub.store.ensure_setup_token(3600)
        visitor = hub.client()
        assert "set-up link" in visitor.get("hub/login").text
        page = f"hub/setup?token={token}"
        assert "first one here" in visitor.get(page).text
        for name in ("", "x" * 300, "../x", "\u0430da", "root", "Ada"):
            answer = visitor.post("hub/setup", page, token=token, name=name, password=PASSWORD, again=PASSWORD)
            assert answer.status_code == 400
            assert 'id="name-problem"' in answer.text
        answer = visitor.post("hub/setup", page, token=token, name="ada", password="short", again="short")
        assert answer.status_code == 400
        assert "at least 10 characters" in answer.text
        answer = visitor.post("hub/setup", page, token=token, name="ada", password=PASSWORD, again=OTHER)
        assert answer.status_code == 400
        assert hub.store.list_users() == []

        answer = visitor.post("hub/setup", page, token=token, name="ada", password=PASSWORD, again=PASSWORD)
        assert answer.status_code == 302
        assert "ada" in visitor.get("hub/home").text
        assert visitor.get("hub/admin").status_code == 200
        assert "No one is removed at the moment." in visitor.get("hub/admin/removed").text

        late = hub.client()
        answer = late.get(page)
        assert answer.status_code == 410
        assert "used already" in answer.text
        assert "set-up link" not in late.get("hub/login").text
        assert [user.name for user in hub.store.list_users()] == ["ada"]


def test_names_are_found_in_any_case_but_not_by_look(hub: Hub, bob: str) -> None:
    assert hub.client().sign_in(bob.upper(), PASSWORD).status_code == 302
    for name in (bob.replace("o", "\u043e"), "", "x" * 300, "../ada", f"{bob}/", "root", f"{bob}\x00x"):
        answer = hub.client().sign_in(name, PASSWORD)
        assert answer.status_code == 403, name
        assert "Wrong user name or password" in answer.text
        assert "Traceback" not in answer.text


def test_the_page_does_not_tell_who_exists(hub: Hub, bob: str) -> None:
    def told(name: str) -> tuple[int, str]:
        answer = hub.client().sign_in(name, "not the password")
        return answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)

    assert told(bob) == told("nobody-here")


def test_no_form_without_its_xsrf_token(hub: Hub, bob: str) -> None:
    ada = hub.signed_in("ada")
    invite = hub.store.create_invitation("carol", False, 600)
    reset = hub.store.create_reset(bob, 600)
    forms = {
        "hub/login": {"username": bob, "password": PASSWORD},
        "hub/invite": {"token": invite, "password": PASSWORD, "again": PASSWORD},
        "hub/account": {"current": PASSWORD, "password": OTHER, "again": OTHER},
        "hub/admin/invitations": {"name": "dave", "role": "admin", "lifetime": "7d"},
        f"hub/admin/invitations/{hub.store.list_invitations()[0].id}/revoke": {},
        f"hub/admin/people/{bob}/promote": {},
        f"hub/admin/people/{bob}/reset": {},
        f"hub/admin/people/{bob}/remove": {},
        "hub/spawn/ada": {"interface": "lab"},
        "hub/servers/ada/stop": {},
        "hub/logout": {},
    }
    stranger = hub.client()
    for token in (None, "", "wrong", stranger.xsrf()):
        for path, form in forms.items():
            answer = ada.http.post(path, data=form if token is None else {**form, "_xsrf": token})
            assert answer.status_code == 403, (path, answer.status_code)
    assert ada.is_signed_in
    assert hub.store.verify("ada", PASSWORD) is not None
    user = hub.store.get_user(bob)
    assert user is not None
    assert not user.admin
    assert hub.store.check_invitation(invite).name == "carol"
    assert hub.store.check_invitation(reset).name == bob
    assert not any(link.name == "dave" for link in hub.store.list_invitations())
    hub.store.revoke_invitation("carol")


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https://evil.example/", "%2f%2fevil.example",
     "///evil.example", "/\t/evil.example", "\t//evil.example", "javascript:alert(1)", "http://127.0.0.1@evil.example/", "/%09/evil.example",
     " //evil.example", "http:///evil.example", "//127.0.0.1.evil.example/"],
)  # fmt: skip
def test_no_next_leads_away(hub: Hub, bob: str, target: str) -> None:
    visitor = hub.client()
    token = visitor.xsrf()
    for place in ({"params": {"next": target}}, {"data": {"next": target}}):
        visitor.http.cookies.clear()
        token = visitor.xsrf()
        data = {"_xsrf": token, "username": bob, "password": PASSWORD, **place.get("data", {})}
        answer = visitor.http.post("hub/login", data=data, params=place.get("params"))
        assert answer.status_code in (302, 500), answer.text
        where = answer.headers.get("location", "/")
        seen = re.sub(r"[\t\r\n]", "", where).replace("\\", "/")  # what a browser makes of it
        assert not seen.startswith("//"), where
        assert urlsplit(httpx.URL(hub.url).join(where).__str__()).netloc == urlsplit(hub.url).netloc
    ada = hub.signed_in("ada")
    answer = ada.post("hub/servers/ada/stop", next=target)
    seen = re.sub(r"[\t\r\n]", "", answer.headers["location"]).replace("\\", "/")
    assert seen.startswith("/")
    assert not seen.startswith("//")


def test_a_next_on_this_host_is_followed(hub: Hub, bob: str) -> None:
    answer = hub.client().sign_in(bob, PASSWORD, "?next=%2Fhub%2Faccount%3Fa%3Db")
    assert answer.headers["location"] == "/hub/account?a=b"


def test_a_thousand_wrong_passwords(hub: Hub, bob: str) -> None:
    """They are refused soon, all at once as well; the hub answers others meanwhile; the true user is not locked out."""
    known = hub.signed_in(bob)  # this browser signed in before
    known.post("hub/logout")
    attacker = hub.client()
    token = attacker.xsrf()
    waits: list[int] = []

    def attempt(number: int) -> int:
        answer = attacker.http.post("hub/login", data={"_xsrf": token, "username": bob, "password": f"guess {number}"})
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            assert "Wait" in answer.text
        return answer.status_code

    answered = 0
    over = threading.Event()

    def others() -> None:
        nonlocal answered
        while not over.wait(0.05):
            answered += httpx.get(f"{hub.url}hub/health", trust_env=False, timeout=60).status_code == 200

    watcher = threading.Thread(target=others)
    watcher.start()
    try:
        with ThreadPoolExecutor(8) as threads:
            answers = Counter(threads.map(attempt, range(1000)))
    finally:
        over.set()
        watcher.join()
    assert answers[403] <= 5, answers
    assert answers[403] + answers[429] == 1000, answers
    assert all(0 < wait <= 300 for wait in waits)
    assert answered >= 5, "the hub answers others between the attempts"

    # A stranger's browser has to wait even with the right password; the one that was here before goes in.
    assert hub.client().sign_in(bob, PASSWORD).status_code == 429
    assert known.sign_in(bob, PASSWORD).status_code == 302
    assert hub.client().sign_in("ada", PASSWORD).status_code == 302
    # The mark of one person's browser is of no use with another name.
    thief = hub.client()
    thief.http.cookies.set("labyard-device", known.http.cookies["labyard-device"], path="/hub/")
    assert [thief.sign_in("carol", "wrong").status_code for _ in range(6)] == [403] * 5 + [429]


def test_the_cookie_of_a_known_browser_cannot_be_made_up(hub: Hub, bob: str) -> None:
    attacker = hub.client()
    token = attacker.xsrf()
    answers = []
    for number in range(12):
        attacker.http.cookies.set("labyard-device", f"2|1:0|{bob}:{number}", path="/hub/")
        answers.append(attacker.http.post("hub/login", data={"_xsrf": token, "username": bob, "password": "wrong"}).status_code)
    assert answers.count(403) == 5
    assert answers[5:] == [429] * 7


def test_addresses_are_slowed_down_whatever_names_they_try(tmp_path: Path) -> None:
    with start_hub(tmp_path / "state", attempts_per_address=20) as hub:
        hub.store.add_user("ada", PASSWORD, admin=True)
        attacker = hub.client()
        token = attacker.xsrf()
        answers = Counter(
            attacker.http.post(
                "hub/login",
                data={"_xsrf": token, "username": f"name-{number}", "password": "wrong"},
                headers={"X-Forwarded-For": f"192.0.2.{number}", "X-Real-Ip": f"192.0.2.{number}"},  # the proxy does not believe it
            ).status_code
            for number in range(60)
        )
        assert answers == {403: 20, 429: 40}
        # Links are tried by guessing as well.
        guesses = Counter(attacker.get(f"hub/invite?token={number}").status_code for number in range(60))
        assert guesses == {404: 20, 429: 40}


def test_a_request_beside_the_proxy_counts_by_its_own_address(tmp_path: Path) -> None:
    """Neither are the limits evaded by made-up addresses, nor is somebody's address locked."""
    victim = "127.0.0.9"
    with start_hub(tmp_path / "state", attempts_per_address=20) as hub:
        hub.store.add_user("ada", PASSWORD, admin=True)

        def guess(number: int, address: str) -> int:
            inner = hub.client()
            headers = {"X-Forwarded-For": address, "X-Real-Ip": address, PROXY_HEADER: "0" * 64}
            inner.http = httpx.Client(base_url=f"http://127.0.0.1:{hub.hub_port}/", headers=headers, timeout=30, trust_env=False)
            form = {"_xsrf": inner.xsrf(), "username": f"name-{number}", "password": "wrong"}
            return inner.http.post("hub/login", data=form).status_code

        assert Counter(guess(number, victim) for number in range(22)) == {403: 20, 429: 2}
        assert {guess(number, f"192.0.2.{number}") for number in range(5)} == {429}
        # Who comes by the proxy from the address that was named goes in.
        known = hub.client()
        known.http = httpx.Client(base_url=hub.url, timeout=30, trust_env=False, transport=httpx.HTTPTransport(local_address=victim))
        assert known.sign_in("ada", PASSWORD).status_code == 302


def test_an_oversized_password_costs_nothing(hub: Hub, bob: str) -> None:
    assert hub.client().sign_in(bob, "x" * 5_000_000).status_code == 403


def test_an_invitation_works_once_also_for_two_at_the_same_instant(hub: Hub) -> None:
    name = f"carol-{time.monotonic_ns()}"
    token = hub.store.create_invitation(name, False, 600)
    page = f"hub/invite?token={token}"
    visitors = [hub.client() for _ in range(2)]
    tokens = [visitor.xsrf(page) for visitor in visitors]
    barrier = threading.Barrier(2)

    def join(index: int) -> httpx.Response:
        barrier.wait()
        form = {"_xsrf": tokens[index], "token": token, "password": f"{PASSWORD} {index}", "again": f"{PASSWORD} {index}"}
        return visitors[index].http.post("hub/invite", data=form)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(join, range(2)))
    assert sorted(answer.status_code for answer in answers) == [302, 410]
    winner = next(index for index in range(2) if answers[index].status_code == 302)
    assert hub.store.verify(name, f"{PASSWORD} {winner}") is not None
    assert visitors[winner].is_signed_in
    assert not visitors[1 - winner].is_signed_in
    assert "used already" in answers[1 - winner].text
    hub.store.remove_user(name)


@pytest.mark.parametrize(
    ("kind", "status", "words"), [("expired", 410, "expired"), ("revoked", 410, "taken back"), ("none", 404, "copied whole")]
)
def test_links_that_do_not_work_say_why(hub: Hub, kind: str, status: int, words: str) -> None:
    token = hub.store.create_invitation("dora", False, 0 if kind == "expired" else 600)
    if kind == "revoked":
        hub.store.revoke_invitation("dora")
    if kind == "none":
        token = "none"
    visitor = hub.client()
    answer = visitor.get("hub/invite", params={"token": token})
    assert (answer.status_code, words in answer.text) == (status, True)
    answer = visitor.post("hub/invite", "hub/login", token=token, password=PASSWORD, again=PASSWORD)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert hub.store.get_user("dora") is None


def test_an_invitation_is_for_its_own_name(hub: Hub) -> None:
    token = hub.store.create_invitation("erin", False, 600)
    visitor = hub.client()
    answer = visitor.post("hub/invite", f"hub/invite?token={token}", token=token, name="root", password=PASSWORD, again=PASSWORD)
    assert answer.status_code == 400
    assert hub.store.check_invitation(token).name == "erin"
    hub.store.revoke_invitation("erin")


def test_a_changed_password_ends_the_other_sessions(hub: Hub, bob: str) -> None:
    here, elsewhere = hub.signed_in(bob), hub.signed_in(bob)
    assert elsewhere.is_signed_in
    answer = here.post("hub/account", "hub/account", current="wrong", password=OTHER, again=OTHER)
    assert (answer.status_code, "not your present password" in answer.text) == (403, True)
    assert elsewhere.is_signed_in
    answer = here.post("hub/account", "hub/account", current=PASSWORD, password=OTHER, again=OTHER)
    assert answer.headers["location"] == "/hub/account?changed=1"
    assert here.is_signed_in
    assert not elsewhere.is_signed_in
    assert hub.client().sign_in(bob, PASSWORD).status_code == 403
    assert hub.client().sign_in(bob, OTHER).status_code == 302


def test_a_reset_link_sets_the_password_and_ends_sessions(hub: Hub, bob: str) -> None:
    before = hub.signed_in(bob)
    token = hub.store.create_reset(bob, 600)
    visitor = hub.client()
    page = f"hub/invite?token={token}"
    assert bob in visitor.get(page).text
    assert visitor.post("hub/invite", page, token=token, password=OTHER, again=OTHER).status_code == 302
    assert visitor.is_signed_in
    assert not before.is_signed_in


def test_guessing_the_present_password_is_slowed_down(hub: Hub, bob: str) -> None:
    thief = hub.signed_in(bob)
    answers = [thief.post("hub/account", "hub/account", current=f"guess {n}", password=OTHER, again=OTHER).status_code for n in range(7)]
    assert answers == [403] * 5 + [429] * 2


def test_a_session_has_a_new_id_after_signing_in(hub: Hub, bob: str) -> None:
    victim = hub.client()
    victim.http.cookies.set("jupyterhub-session-id", "known-to-eve", path="/")
    assert victim.sign_in(bob, PASSWORD).status_code == 302
    ids = {cookie.value for cookie in victim.http.cookies.jar if cookie.name == "jupyterhub-session-id"}
    assert len(ids - {"known-to-eve"}) == 1


def test_a_removed_user_is_out_at_once(hub: Hub, bob: str) -> None:
    theirs = hub.signed_in(bob)
    answer = theirs.api("POST", f"users/{bob}/tokens", json={"note": "kept"})
    token = answer.json()["token"]
    program = {"Authorization": f"token {token}"}
    assert httpx.get(f"{hub.url}hub/api/user", headers=program, trust_env=False).status_code == 200
    assert remove_hub_user(hub.state, bob)
    assert hub.store.get_user(bob) is None
    assert theirs.get("hub/home").status_code == 302
    assert httpx.get(f"{hub.url}hub/api/user", headers=program, trust_env=False).status_code == 403
    assert hub.client().sign_in(bob, PASSWORD).status_code == 403


def test_a_user_who_is_gone_from_the_store_alone_is_out_soon(hub: Hub, bob: str) -> None:
    theirs = hub.signed_in(bob)
    token = theirs.api("POST", f"users/{bob}/tokens", json={"note": "kept"}).json()["token"]
    hub.store.remove_user(bob)
    wait_until(lambda: theirs.get("hub/home").status_code == 302, "the cookie stops working", 15)
    program = {"Authorization": f"token {token}"}
    assert httpx.get(f"{hub.url}hub/api/user", headers=program, trust_env=False).status_code == 403


def test_who_was_removed_while_the_hub_was_down_is_dropped_when_it_starts(tmp_path: Path) -> None:
    root = tmp_path / "state"
    with start_hub(root) as hub:
        hub.store.add_user("ada", PASSWORD, admin=True)
        hub.store.add_user("bob", PASSWORD)
        token = hub.signed_in("bob").api("POST", "users/bob/tokens", json={"note": "kept"}).json()["token"]
        old = hub.signed_in("bob").http.cookies
    hub.store.remove_user("bob")
    with start_hub(root) as hub:
        hub.store.add_user("bob", OTHER)  # another person of the same name
        program = {"Authorization": f"token {token}"}
        assert httpx.get(f"{hub.url}hub/api/user", headers=program, trust_env=False).status_code == 403
        visitor = hub.client()
        visitor.http.cookies = old
        assert not visitor.is_signed_in
        admin = hub.signed_in("ada")
        assert [user["name"] for user in admin.api("GET", "users").json()] == ["ada"]


def test_the_role_follows_the_store(hub: Hub, bob: str) -> None:
    theirs = hub.signed_in(bob)
    assert theirs.get("hub/admin").status_code == 403
    hub.store.set_admin(bob, True)
    wait_until(lambda: theirs.api("GET", "users").status_code == 200, "the hub's API follows", 15)
    assert theirs.get("hub/admin").status_code == 200
    hub.store.set_admin(bob, False)
    assert theirs.get("hub/admin").status_code == 403  # the pages ask the store itself
    wait_until(lambda: theirs.api("GET", "users").status_code == 403, "the hub's API follows", 15)


def test_users_come_from_the_store_alone(hub: Hub) -> None:
    admin = hub.signed_in("ada")
    assert admin.api("POST", "users/mallory").status_code == 400
    assert admin.api("GET", "users/mallory").status_code == 404


def test_the_last_administrator_cannot_be_removed_by_the_api(hub: Hub) -> None:
    answer = httpx.delete(
        f"{hub.url}hub/api/users/ada", headers={"Authorization": f"token {hub.state.secret('cli_token')}"}, trust_env=False
    )
    if answer.status_code == 404:  # ada has not signed in yet
        hub.signed_in("ada")
        answer = httpx.delete(answer.request.url, headers=dict(answer.request.headers), trust_env=False)
    assert answer.status_code == 409
    assert "only administrator" in answer.json()["message"]
    assert hub.signed_in("ada").is_signed_in


def test_signing_out(hub: Hub, bob: str) -> None:
    visitor = hub.signed_in(bob)
    answer = visitor.get("hub/logout", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert "Another page asks" in answer.text
    assert visitor.is_signed_in
    assert "signed out" in visitor.post("hub/logout").text
    assert not visitor.is_signed_in
    visitor = hub.signed_in(bob)
    visitor.get("hub/logout", headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"})
    assert not visitor.is_signed_in


def test_a_copy_of_the_session_is_worth_nothing_once_signed_out(hub: Hub, bob: str) -> None:
    visitor, copy = hub.signed_in(bob), hub.client()
    copy.http.cookies.update(visitor.http.cookies)
    assert copy.is_signed_in
    headers = {"X-XSRFToken": copy.xsrf("hub/home")}
    assert copy.http.post(f"hub/api/users/{bob}/tokens", headers=headers, json={}).status_code == 201
    assert "signed out" in visitor.post("hub/logout").text
    assert not copy.is_signed_in
    assert copy.http.post(f"hub/api/users/{bob}/tokens", headers=headers, json={}).status_code == 403
    assert hub.signed_in(bob).is_signed_in


def test_headers_and_cookies(hub: Hub, bob: str) -> None:
    visitor = hub.client()
    answer = visitor.sign_in(bob, PASSWORD)
    cookies = answer.headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} >= {"jupyterhub-hub-login", "labyard-device", "_xsrf"}
    for cookie in cookies:
        assert "HttpOnly" in cookie, cookie
        assert "SameSite=Lax" in cookie, cookie
    for path in ("hub/login", "hub/home", "hub/nowhere", "hub/token"):
        headers = visitor.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
    token = hub.store.create_reset(bob, 600)
    headers = visitor.get(f"hub/invite?token={token}").headers
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["cache-control"] == "no-store"
    log = hub.log.read_text()
    assert token not in log
    assert PASSWORD not in log


def test_admin_pages_are_for_administrators(hub: Hub, bob: str) -> None:
    theirs = hub.signed_in(bob)
    hub.store.create_invitation("frank", False, 600)
    number = hub.store.list_invitations()[0].id
    assert theirs.get("hub/admin").status_code == 403
    assert theirs.get("hub/admin/people/ada/remove").status_code == 403
    assert theirs.get("hub/admin/removed").status_code == 403
    for path in (
        "hub/admin/invitations", f"hub/admin/invitations/{number}/revoke", "hub/admin/people/ada/demote",
        "hub/admin/people/ada/reset", f"hub/admin/people/{bob}/promote", "hub/admin/people/ada/remove",
        "hub/admin/removed/ada/0/restore",
    ):  # fmt: skip
        assert theirs.post(path, name="mallory", role="admin", lifetime="7d").status_code == 403, path
    assert theirs.post("hub/servers/ada/stop").status_code in (403, 404)
    assert theirs.post("hub/spawn/ada").status_code in (403, 404)
    assert theirs.get("hub/spawn/ada").status_code in (403, 404)
    user = hub.store.get_user(bob)
    assert user is not None
    assert not user.admin
    hub.store.revoke_invitation("frank")


def test_an_administrator_invites_promotes_and_removes(hub: Hub, bob: str) -> None:
    admin = hub.signed_in("ada")
    for name in ("", "x" * 300, "../x", "\u0430da", bob, "root"):
        answer = admin.post("hub/admin/invitations", "hub/admin", name=name, role="user", lifetime="7d")
        assert answer.status_code in (400, 409), name
        assert 'id="invite-problem"' in answer.text
    answer = admin.post("hub/admin/invitations", "hub/admin", name="gina", role="user", lifetime="7d")
    link = re.search(r'value="(http[^"]+/hub/invite\?token=[^"]+)"', answer.text)
    assert link is not None
    assert link[1].startswith(hub.url)
    assert httpx.get(link[1], trust_env=False).status_code == 200
    assert "token=" not in admin.get("hub/admin").text  # it is shown once
    assert admin.post("hub/admin/people/ada/demote", "hub/admin").status_code == 409
    assert admin.post(f"hub/admin/people/{bob}/promote", "hub/admin").status_code == 302
    second = hub.signed_in(bob)
    assert second.get("hub/admin").status_code == 200
    assert second.post(f"hub/admin/people/{bob}/remove", "hub/admin").status_code == 409  # not oneself
    assert admin.post(f"hub/admin/people/{bob}/demote", "hub/admin").status_code == 302
    (hub.state.homes / bob).mkdir()
    assert bob in admin.get(f"hub/admin/people/{bob}/remove").text
    assert admin.post(f"hub/admin/people/{bob}/remove", "hub/admin").status_code == 302
    assert not second.is_signed_in
    assert not (hub.state.homes / bob).exists()
    number = next(one.id for one in hub.store.list_invitations() if one.name == "gina")
    assert admin.post(f"hub/admin/invitations/{number}/revoke", "hub/admin").status_code == 302
    assert httpx.get(link[1], trust_env=False).status_code == 410
    # Somebody who never signed in is removed just the same.
    hub.store.add_user("never-came", PASSWORD)
    assert admin.post("hub/admin/people/never-came/remove", "hub/admin").status_code == 302
    assert hub.store.get_user("never-came") is None


def test_broken_forms_are_client_errors(hub: Hub, bob: str) -> None:
    visitor: Client = hub.client()
    token = visitor.xsrf()
    answer = visitor.http.post("hub/login", data={"_xsrf": token})
    assert answer.status_code == 403
    answer = visitor.http.post(
        "hub/login", content=f"_xsrf={token}&username=%ff%fe&password=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400
    theirs = hub.signed_in(bob)
    assert theirs.post("hub/spawn", interface="telnet").status_code == 400
    assert theirs.post("hub/spawn", new="1", name="").status_code == 400
    assert theirs.post("hub/spawn", new="1", name="x" * 5000).status_code == 400
    assert theirs.post(f"hub/servers/{bob}/nothing/stop").status_code == 404
    assert theirs.post(f"hub/servers/{bob}/nothing/delete").status_code == 404
    assert theirs.get("hub/assets/%2e%2e%2fauthenticator.py").status_code in (400, 403, 404)  # the proxy or the hub refuses it
