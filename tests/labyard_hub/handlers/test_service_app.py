"""The service's application in process, with a hub that is made up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import structlog

from labyard_hub.config.logs import configure_logs
from labyard_hub.config.origins import Origins
from labyard_hub.handlers.dependencies import ServiceSettings
from labyard_hub.services.authentication import Authentication
from labyard_hub.services.sessions import Sessions
from tests.service import PREFIX, SCOPES, open_service


def hub_answers(request: httpx.Request) -> httpx.Response:
    token = request.headers.get("authorization", "").removeprefix("token ")
    if request.url.path == "/hub/api/oauth2/token":
        return httpx.Response(200, json={"access_token": "ada"}) if b"code=good" in request.content else httpx.Response(400, json={})
    if token == "broken":
        return httpx.Response(200, text="<html>")
    if token == "down":
        raise httpx.ConnectTimeout("no answer")
    if token == "failing":
        return httpx.Response(500)
    if token not in ("ada", "root-admin"):
        return httpx.Response(403)
    return httpx.Response(200, json={"kind": "user", "name": token, "admin": token != "ada", "groups": ["b", "a"], "scopes": SCOPES})


@pytest.fixture(params=["http://127.0.0.1:8000", "https://labyard.example.org"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = ServiceSettings(base_url="/", prefix=PREFIX, origins=Origins(f"{request.param}/", separate=False))
    async with open_service(f"sqlite+aiosqlite:///{tmp_path / 'labyard.db'}", settings=settings, hub_answers=hub_answers) as service:
        transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"{request.param}{PREFIX}") as inward:
            yield inward


def error_code(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert answer.headers["cache-control"] == "no-store"
    return str(body["error"]["code"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_every_error_has_one_shape(client: httpx.AsyncClient) -> None:
    for method, path, headers, status, code in (
        ("GET", "api/v1/unknown", {}, 404, "not_found"),
        ("GET", "/elsewhere", {}, 404, "not_found"),
        ("POST", "api/v1/me", {}, 405, "method_not_allowed"),
        ("GET", "oauth/callback?state=a/b", {}, 422, "invalid_request"),
        ("GET", "oauth/callback?state=ab", {}, 400, "sign_in_failed"),
        ("GET", "api/v1/me", {}, 401, "unauthenticated"),
        ("GET", "api/v1/me", bearer("wrong"), 401, "unauthenticated"),
        ("GET", "api/v1/me", {"Authorization": "Basic YTpi"}, 401, "unauthenticated"),
        ("GET", "api/v1/me", {"Authorization": "Bearer"}, 401, "unauthenticated"),
        ("GET", "api/v1/me", {"Authorization": ""}, 401, "unauthenticated"),
        ("GET", "api/v1/me", bearer("down"), 503, "hub_unavailable"),
        ("GET", "api/v1/me", bearer("failing"), 503, "hub_unavailable"),
        ("GET", "api/v1/me", bearer("broken"), 503, "hub_unavailable"),
        ("POST", "logout", {}, 403, "cross_origin"),
    ):
        answer = await client.request(method, path, headers=headers)
        assert (answer.status_code, error_code(answer)) == (status, code), (method, path)


async def test_an_error_that_nobody_expected_tells_nothing(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(Authentication, "user", fail)
    answer = await client.get("api/v1/me", headers=bearer("ada"))
    assert (answer.status_code, error_code(answer)) == (500, "internal")
    assert "42" not in answer.text


async def test_logs_hold_no_secret(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither of the address, nor of the functions that a traceback goes through."""
    monkeypatch.setattr(Authentication, "user", lambda _self, token, _accepted=(): {}[len(token)])
    configure_logs()
    try:
        assert (await client.get("join/do-not-write?token=do-not-write", headers=bearer("do-not-write"))).status_code == 500
    finally:
        structlog.reset_defaults()
    written = capsys.readouterr().out
    assert "path=/services/labyard/join/[secret]" in written
    assert "KeyError" in written
    assert "do-not-write" not in written


async def test_who_calls_and_what_they_may_use(client: httpx.AsyncClient) -> None:
    assert (await client.get("api/v1/me", headers=bearer("ada"))).json() == {"name": "ada", "admin": False, "groups": ["a", "b"]}
    answer = await client.get("api/v1/authorize", headers=bearer("root-admin"))
    assert answer.json() == {
        "user": "root-admin", "admin": True, "workspace": "root-admin", "workspaces": {"root-admin": ["read_tracking", "write_tracking"]}, "projects": {}, "shared_models": [],
    }  # fmt: skip


async def test_a_token_goes_before_a_session(client: httpx.AsyncClient) -> None:
    cookie = f"labyard-session={Sessions('k' * 64).seal_token('ada')}"
    assert (await client.get("api/v1/me", headers={"Cookie": cookie})).json()["name"] == "ada"
    assert (await client.get("api/v1/me", headers={"Cookie": cookie, **bearer("root-admin")})).json()["name"] == "root-admin"
    assert (await client.get("api/v1/me", headers={"Cookie": cookie, **bearer("wrong")})).status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_a_page_of_another_origin_cannot_use_a_session(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    cookie = f"labyard-session={Sessions('k' * 64).seal_token('ada')}"
    answer = await client.get("api/v1/me", headers={"Cookie": cookie, **headers})
    assert (answer.status_code, error_code(answer)) == (403, "cross_origin")
    assert "access-control-allow-origin" not in answer.headers


async def test_a_link_leads_here_from_anywhere_and_nothing_else_does(client: httpx.AsyncClient) -> None:
    """Such as a link to join in a chat, or to a shared tool in JupyterLab, whose origin is another one."""
    cookie = f"labyard-session={Sessions('k' * 64).seal_token('ada')}"
    for site in ("same-site", "cross-site"):
        link = {"Cookie": cookie, "Accept": "text/html", "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        answer = await client.get("join/nothing", headers=link)
        assert answer.status_code == 404  # of a person who is signed in: there is no such link
        for changed in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, {"Origin": "http://evil"}):
            assert (await client.get("join/nothing", headers={**link, **changed})).status_code == 403
        assert (await client.post("join/nothing", headers=link)).status_code == 403


async def test_signing_in_sets_a_cookie_that_goes_nowhere_else(client: httpx.AsyncClient) -> None:
    start = await client.get("login", params={"next": "/services/mlflow/"})
    assert start.status_code == 302
    state = httpx.URL(start.headers["location"]).params["state"]
    refused = await client.get("oauth/callback", params={"state": state, "code": "bad"})
    assert error_code(refused) == "sign_in_failed"
    end = await client.get("oauth/callback", params={"state": state, "code": "good"})
    assert (end.status_code, end.headers["location"]) == (302, "/services/mlflow/")
    cookie = next(line for line in end.headers.get_list("set-cookie") if line.startswith("labyard-session="))
    for part in ("HttpOnly", "Path=/services/;", "SameSite=lax"):
        assert part in cookie
    assert ("Secure" in cookie) == str(client.base_url).startswith("https:")
    gone = next(line for line in end.headers.get_list("set-cookie") if line.startswith("labyard-login-"))
    assert "Max-Age=0" in gone


async def test_health_asks_nobody(client: httpx.AsyncClient) -> None:
    assert (await client.get("api/v1/health")).json()["status"] == "ok"


async def test_the_description_says_what_there_is(client: httpx.AsyncClient) -> None:
    description = (await client.get("api/v1/openapi.json")).json()
    assert {f"{PREFIX}api/v1/{name}" for name in ("health", "me", "authorize", "projects", "projects/{name}/members/{user}")} <= set(
        description["paths"]
    )
    # Each operation has a name of its own that a client can be generated from.
    names = [operation["operationId"] for path in description["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert json.dumps(description["paths"][f"{PREFIX}api/v1/me"]["get"]["responses"]["401"]).count("Error") == 1


async def test_browsers_are_shown_errors_as_pages(client: httpx.AsyncClient) -> None:
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    nothing = await client.get("nope", headers=html)
    assert nothing.status_code == 404
    assert nothing.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in nothing.text
    assert 'href="/hub/home"' in nothing.text
    assert "hub/assets/base.css?v=" in nothing.text
    failed = await client.get("oauth/callback?state=ab", headers=html)
    assert (failed.status_code, "This did not work" in failed.text) == (400, True)
    assert error_code(await client.get("api/v1/unknown", headers=html)) == "not_found"  # the API is for programs


async def test_a_page_of_the_service_has_the_persons_menu(client: httpx.AsyncClient) -> None:
    page = await client.get("nope", headers={"Accept": "text/html", **bearer("ada")})
    assert "<summary>ada</summary>" in page.text
    for address in ("/hub/account", "/hub/token", "/hub/logout"):
        assert f'href="{address}"' in page.text
    assert 'href="/hub/admin"' not in page.text
    assert 'href="/hub/admin"' in (await client.get("nope", headers={"Accept": "text/html", **bearer("root-admin")})).text
