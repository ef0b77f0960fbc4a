"""What the owner of a server can do with the tokens that their visitors' browsers leave there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.integration.kernels import server_environment
from tests.platform import Browserless, RunningPlatform, is_root, named, open_temporary_folder, start_platform, wait_until

pytestmark = pytest.mark.integration

PASSWORD = "a-long-enough-password"
SERVICES = "access:services!service=labyard access:services!service=mlflow"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder, start_platform(folder / "state", tools=("mlflow",)) as running:
        running.add_user("ada", PASSWORD, admin=True)  # an administrator may share her server
        running.add_user("bob", PASSWORD)
        wait_until(lambda: running.client("services/mlflow/", "none").get("health").status_code == 200, "MLflow answers", 90)
        yield running


@pytest.fixture(scope="module")
def secret(running: RunningPlatform) -> str:
    """What ada can read in her own server's environment: enough to play that server."""
    running.session("bob", PASSWORD)  # the hub knows who has come
    ada = running.session("ada", PASSWORD)
    ada.start_server("ada")
    answer = ada.hub_api("POST", "shares/ada/", json={"user": "bob"})
    assert answer.status_code == 200, answer.text
    return server_environment(running, "ada", ada.token("ada"))["JUPYTERHUB_API_TOKEN"]


def token_of_visitor(session: Browserless, secret: str, scopes: str) -> httpx.Response:
    """Let a signed-in browser visit ada's server, and return what the hub gives that server."""
    client = {"client_id": "jupyterhub-user-ada", "redirect_uri": named(f"{session.url}user/ada/oauth_callback")}
    query = {**client, "response_type": "code", "state": "x", **({"scope": scopes} if scopes else {})}
    path = f"hub/api/oauth2/authorize?{urlencode(query)}"
    answer = session.http.get(path, follow_redirects=False)
    if answer.status_code == 200:  # the page that asks for consent
        shown = re.findall(r'name="scopes" value="([^"]+)"', answer.text)
        form = {"_xsrf": session.xsrf, "scopes": scopes.split() or shown}
        answer = session.http.post(path, data=form, follow_redirects=False)
    code = parse_qs(urlsplit(answer.headers.get("location", "")).query).get("code")
    if not code:
        return answer
    form = {**client, "client_secret": secret, "grant_type": "authorization_code", "code": code[0]}
    return session.http.post("hub/api/oauth2/token", data=form)


def statuses(running: RunningPlatform, token: str) -> list[int]:
    """Return what the service, the hub's own user page and MLflow say to a token."""
    return [
        running.client("services/labyard/api/v1/", token).get("me").status_code,
        running.client("services/mlflow/api/2.0/mlflow/", token).post("experiments/search", json={"max_results": 1}).status_code,
    ]


def test_ones_own_token_opens_the_service_and_mlflow(running: RunningPlatform, secret: str) -> None:
    answer = token_of_visitor(running.session("ada", PASSWORD), secret, "")
    assert answer.status_code == 200, answer.text
    assert statuses(running, answer.json()["access_token"]) == [200, 200]


@pytest.mark.parametrize(
    "scopes",
    [
        "",
        SERVICES,
        "custom:labyard:use!user=bob",
        "custom:labyard:use!user",
        "custom:labyard:use",
        "custom:labyard:use!user=ada",
        "inherit",
    ],
)
def test_a_visitors_token_opens_neither(running: RunningPlatform, secret: str, scopes: str) -> None:
    answer = token_of_visitor(running.session("bob", PASSWORD), secret, scopes)
    if answer.status_code != 200:
        assert answer.status_code in (302, 400, 403), answer.text
        assert scopes
        return
    token = answer.json()["access_token"]
    model = running.client("hub/api/", token).get("user").json()
    assert model["name"] == "bob"
    assert not [scope for scope in model["scopes"] if scope.startswith(("custom:", "access:services"))]
    assert statuses(running, token) == [403, 403]


def test_what_people_make_for_their_programs_opens_both(running: RunningPlatform) -> None:
    assert statuses(running, running.session("bob", PASSWORD).token("bob")) == [200, 200]
    assert statuses(running, running.session("bob", PASSWORD).token("bob", scopes=SERVICES.split())) == [200, 200]


@pytest.mark.skipif(not is_root(), reason="reads another account's environment")
def test_a_server_acts_for_its_owner(running: RunningPlatform, secret: str) -> None:
    assert statuses(running, secret) == [200, 200]


def test_an_administrator_is_nobody_else(running: RunningPlatform) -> None:
    """By token, session, share and name, and by the pages and the command line that use the same calls."""
    ada, bob = running.session("ada", PASSWORD), running.session("bob", PASSWORD)
    bob.start_server("bob")
    token = ada.token("ada")
    program = running.client("", token)
    for body in ({}, {"note": "nightly"}, {"scopes": ["access:servers!user=bob"]}, {"roles": ["user"]}):
        assert program.post("hub/api/users/bob/tokens", json=body).status_code == 403, body
        assert ada.hub_api("POST", "users/bob/tokens", json=body).status_code == 403, body
    credentials = {"auth": {"username": "ada", "password": PASSWORD}}
    assert httpx.post(f"{running.url}hub/api/users/bob/tokens", json=credentials, trust_env=False).status_code == 403
    assert program.post("hub/api/authorizations/token", json={}).status_code in (400, 403, 404)
    for name, former in (("other", "bob"), ("bob", "ada"), ("BOB", "ada"), ("ada-two", "ada")):
        assert program.patch(f"hub/api/users/{former}", json={"name": name}).status_code == 400, name
    assert program.post("hub/api/shares/bob/", json={"user": "ada"}).status_code in (200, 403)
    wide = ada.token("ada", scopes=["access:servers", "tokens"])
    assert running.client("hub/api/", wide).post("users/bob/tokens", json={}).status_code == 403
    for key in (token, wide):
        for path in ("lab", "api/contents", "api/kernels"):
            assert running.client("user/bob/", key).get(path).status_code == 403, path
    assert ada.http.get("user/bob/api/contents").status_code in (403, 404)
    asked = ada.http.get("user/bob/lab")
    scopes = re.findall(r'name="scopes" value="([^"]+)"', asked.text)
    assert ada.http.post(asked.url, data={"_xsrf": ada.xsrf, "scopes": scopes}).status_code == 403
    assert {one["user"] for one in bob.hub_api("GET", "users/bob/tokens").json()["api_tokens"]} == {"bob"}
    assert not [one for one in bob.hub_api("GET", "users/bob/tokens").json()["api_tokens"] if "ada" in one["note"]]
    # Looking after users goes on.
    assert program.get("hub/api/users/bob/tokens").status_code == 200
    assert program.patch("hub/api/users/bob", json={"admin": False}).status_code == 200
    assert program.post("hub/api/users/ada/tokens", json={}).status_code == 201
    assert bob.token("bob")
