"""The labyard service beside a real hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from labyard_hub.supervisor.service import service_process
from tests.integration.small_platform import SmallPlatform, small_platform
from tests.platform import wait_until

pytestmark = pytest.mark.integration

REVOCATION_SECONDS = 5.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    with small_platform(tmp_path_factory.mktemp("service") / "state") as platform:
        platform.add_user("ada")
        yield platform


@pytest.fixture
def visit(running: SmallPlatform) -> Iterator[Callable[[], Visitor]]:
    visitors: list[Visitor] = []

    def _visit() -> Visitor:
        visitors.append(Visitor(running))
        return visitors[-1]

    yield _visit
    for visitor in visitors:
        visitor.http.close()


class Visitor:
    """A browser without a screen: it follows redirects from part to part as the proxy would send them."""

    def __init__(self, running: SmallPlatform) -> None:
        self.running = running
        self.http = httpx.Client(timeout=30, trust_env=False)

    def url(self, path: str) -> str:
        platform = self.running.platform
        port = platform.service_port if path.startswith("/services/labyard/") else platform.hub_port
        return f"http://127.0.0.1:{port}{path}"

    def get(self, path: str) -> httpx.Response:
        return self.http.get(self.url(path), headers={"Sec-Fetch-Site": "same-origin"})

    def follow(self, path: str, steps: int = 10) -> list[str]:
        """Return the paths that a browser passes through from `path` on."""
        passed = [path]
        while steps:
            answer = self.get(passed[-1])
            if answer.status_code not in (301, 302, 303):
                break
            target = urlsplit(urljoin(self.url(passed[-1]), answer.headers["location"]))
            assert target.hostname == "127.0.0.1"
            passed.append(target.path + (f"?{target.query}" if target.query else ""))
            steps -= 1
            if target.path == "/services/labyard/api/v1/me":
                break
        return passed

    def sign_in(self, name: str) -> None:
        self.get("/hub/login")
        xsrf = self.http.cookies.get("_xsrf", path="/hub/")
        answer = self.http.post(self.url("/hub/login"), data={"username": name, "password": "x", "_xsrf": xsrf})
        assert answer.status_code == 302, answer.text


def test_a_token_tells_who_calls(running: SmallPlatform) -> None:
    token = running.token("ada")
    for scheme in ("Bearer", "bearer", "token"):
        with running.service() as client:
            assert client.get("api/v1/me", headers={"Authorization": f"{scheme} {token}"}).json() == {
                "name": "ada",
                "admin": False,
                "groups": [],
            }
    with running.service(running.token("root-admin")) as client:
        assert client.get("api/v1/me").json()["admin"] is True
        assert client.get("api/v1/authorize").json() == {
            "user": "root-admin", "admin": True, "workspace": "root-admin", "workspaces": {"root-admin": ["read_tracking", "write_tracking"]},
            "projects": {}, "shared_models": [],
        }  # fmt: skip


def test_a_browser_signs_in_and_comes_back_to_where_it_wanted(running: SmallPlatform, visit: Callable[[], Visitor]) -> None:
    visitor = visit()
    visitor.sign_in("ada")
    passed = visitor.follow("/services/labyard/login?next=/services/labyard/api/v1/me")
    assert passed[-1] == "/services/labyard/api/v1/me"
    assert [urlsplit(path).path for path in passed[1:3]] == ["/hub/api/oauth2/authorize", "/services/labyard/oauth/callback"]
    question = parse_qs(urlsplit(passed[1]).query)
    assert question["code_challenge_method"] == ["S256"]
    assert visitor.get("/services/labyard/api/v1/me").json()["name"] == "ada"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_peoples_servers(running: SmallPlatform, visit: Callable[[], Visitor]) -> None:
    visitor = visit()
    visitor.sign_in("ada")
    passed = visitor.follow("/services/labyard/login?next=/services/labyard/api/v1/me")
    cookies = [cookie for cookie in visitor.http.cookies.jar if cookie.name.startswith("labyard-")]
    assert [(cookie.name, cookie.path) for cookie in cookies] == [("labyard-session", "/services/")]
    assert cookies[0].has_nonstandard_attr("HttpOnly")
    assert cookies[0].get_nonstandard_attr("SameSite") == "lax"
    assert visitor.get(passed[2]).status_code == 400, "a way back from the hub works once"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "%2F%2Fevil.example", "/%2Fevil.example", "/%5Cevil.example", "javascript:alert(1)",
     "\thttps://evil.example", "/\t/evil.example", "/.//evil.example", "/..//evil.example", "http:evil.example", "/%252fevil.example", "evil", "%00/"],
)  # fmt: skip
def test_signing_in_sends_nobody_elsewhere(running: SmallPlatform, visit: Callable[[], Visitor], target: str) -> None:
    visitor = visit()
    visitor.sign_in("ada")
    start = f"/services/labyard/login?{httpx.QueryParams({'next': target})}"
    passed = visitor.follow(start, steps=3)
    assert passed[2].startswith("/services/labyard/oauth/callback")
    assert passed[3] == "/"


def test_a_way_back_that_began_elsewhere_is_refused(running: SmallPlatform, visit: Callable[[], Visitor]) -> None:
    """Somebody could otherwise be signed in as another person by a link."""
    attacker, victim = visit(), visit()
    attacker.sign_in("ada")
    passed = attacker.follow("/services/labyard/login", steps=2)
    assert passed[-1].startswith("/services/labyard/oauth/callback?")
    answer = victim.get(passed[-1])
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "sign_in_failed"
    for path in ("", "?state=x", "?state=x&code=y", "?code=y", "?state=x&error=access_denied", "?state=" + "a" * 70, "?state=a%0d%0ab"):
        answer = victim.get(f"/services/labyard/oauth/callback{path}")
        assert answer.status_code in (400, 422)
        assert "labyard-session" not in answer.headers.get("set-cookie", "")


def test_signing_out_of_the_hub_ends_the_session(running: SmallPlatform, visit: Callable[[], Visitor]) -> None:
    visitor = visit()
    visitor.sign_in("ada")
    visitor.follow("/services/labyard/login?next=/services/labyard/api/v1/me")
    session = {"Cookie": f"labyard-session={visitor.http.cookies['labyard-session']}"}
    with running.service() as client:
        assert client.get("api/v1/me", headers=session).status_code == 200
        visitor.get("/hub/logout")
        wait_until(lambda: client.get("api/v1/me", headers=session).status_code == 401, "the session ends", REVOCATION_SECONDS)


def test_signing_out_here_needs_a_page_of_ours(running: SmallPlatform) -> None:
    with running.service() as client:
        for headers in ({}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            answer = client.post("logout", headers=headers)
            assert answer.status_code == 403, headers
            assert answer.json()["error"]["code"] == "cross_origin"
        answer = client.post("logout", headers={"Origin": running.platform.url.rstrip("/")})
        assert answer.status_code == 204
        assert 'labyard-session=""' in answer.headers["set-cookie"]
        assert client.get("logout").status_code == 405


def test_a_token_with_too_narrow_a_scope_is_told_which(running: SmallPlatform) -> None:
    with running.service(running.token("ada", ["read:users:name!user=ada"])) as client:
        answer = client.get("api/v1/me")
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "missing_scope"
        assert "access:services!service=labyard" in answer.json()["error"]["message"]
    with running.service(running.token("ada", ["access:services!service=labyard"])) as client:
        assert client.get("api/v1/me").status_code == 200


def test_a_service_is_no_user(running: SmallPlatform) -> None:
    with running.service(running.state.secret("test_token")) as client:
        answer = client.get("api/v1/me")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_a_user")


def test_a_revoked_token_stops_working(running: SmallPlatform) -> None:
    running.add_user("leaver")
    token = running.token("leaver")
    with running.service(token) as client:
        assert client.get("api/v1/me").status_code == 200
        running.revoke_tokens("leaver")
        wait_until(lambda: client.get("api/v1/me").status_code == 401, "the token stops working", REVOCATION_SECONDS)


def test_it_survives_its_own_death_and_the_hubs(running: SmallPlatform, visit: Callable[[], Visitor]) -> None:
    token = running.token("ada")
    visitor = visit()
    visitor.sign_in("ada")
    visitor.follow("/services/labyard/login?next=/services/labyard/api/v1/me")
    running.kill("service")
    running.start(service_process(running.state, running.platform))
    assert visitor.get("/services/labyard/api/v1/me").json()["name"] == "ada"
    running.kill("hub")
    try:
        with running.service(token) as client:
            assert client.get("api/v1/health").status_code == 200
            answer = client.get("api/v1/me")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "2"
            assert answer.json()["error"]["code"] == "hub_unavailable"
            assert token not in answer.text
    finally:
        running.start(running.hub_process())
    with running.service(token) as client:
        assert client.get("api/v1/me").status_code == 200
    assert visitor.get("/services/labyard/api/v1/me").json()["name"] == "ada"


def test_no_secret_is_logged(running: SmallPlatform) -> None:
    token = running.token("ada")
    with running.service(token) as client:
        client.get("api/v1/me")
        client.get("api/v1/unknown")
    assert token not in running.log("service")
    assert running.state.secret("service_token") not in running.log("service")
