"""The front end's questions about projects: a real Jupyter server under JupyterHub's own identity provider, a hub and a service that answer by script."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from labyard_lab.platform_service import is_forwarded
from tests.labyard_lab.conftest import LabServer

ADA, BOB, OWN = "token-of-ada", "token-of-bob", "secret-of-the-hub"
# The last line is what JupyterHub's extension does too: Tornado would check before it is known who asks; the hub's own check stays.
HUB_IDENTITY = """
c.ServerApp.identity_provider_class = "jupyterhub.singleuser.extension.JupyterHubIdentityProvider"
c.ServerApp.authorizer_class = "jupyterhub.singleuser.extension.JupyterHubAuthorizer"
c.ServerApp.tornado_settings = {"xsrf_cookies": False}
"""


@dataclass
class Upstream:
    """The hub and the service on one port."""

    port: int = 0
    calls: list[dict[str, Any]] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] = (200, {"Content-Type": "application/json"}, b"{}")
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    found = Upstream()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith("/hub/api/"):
                self._hub()
                return
            found.calls.append({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body})
            self._send(*found.answers.get(f"{self.command} {self.path}", found.answer))

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  http.server's names

        def _hub(self) -> None:
            name = {ADA: "ada", BOB: "bob", OWN: "ada"}.get(self.headers.get("Authorization", "").removeprefix("token "))
            user = {"kind": "user", "name": name, "admin": False, "groups": [], "scopes": ["access:servers!server=ada/"]}
            self._send(200 if name else 403, {"Content-Type": "application/json"}, json.dumps(user if name else {}).encode())

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


class HubServer(LabServer):
    """A Jupyter server as the hub starts it for ada."""

    def __init__(self, folder: Path, upstream: Upstream, **environment: str) -> None:
        super().__init__(
            folder,
            [],
            config=HUB_IDENTITY,
            environment={
                "JUPYTERHUB_API_URL": f"{upstream.url}/hub/api",
                "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
                "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
                "JUPYTERHUB_OAUTH_SCOPES": '["access:servers!server=ada/"]',
                "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!server=ada/"]',
                "LABYARD_SERVICE_URL": f"{upstream.url}/services/labyard/",
                "LABYARD_MLFLOW_URL": f"{upstream.url}/services/mlflow",
                **environment,
            },
        )

    def _answers(self) -> bool:
        self.client.headers["Authorization"] = f"token {ADA}"
        return super()._answers()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[HubServer]:
    running = HubServer(tmp_path_factory.mktemp("hub"), upstream)
    yield running
    running.remove()


@pytest.fixture
def ask(server: HubServer, upstream: Upstream) -> Iterator[Callable[..., httpx.Response]]:
    """Ask the forwarder as somebody."""
    upstream.calls.clear()
    upstream.answers.clear()
    upstream.answer = (200, {"Content-Type": "application/json"}, b"{}")
    with httpx.Client(base_url=server.api + "platform/", timeout=60, trust_env=False) as client:

        def send(method: str, path: str, token: str | None = ADA, **options: Any) -> httpx.Response:
            headers = {**({"Authorization": f"token {token}"} if token else {}), **options.pop("headers", {})}
            return client.request(method, path, headers=headers, **options)

        yield send


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def test_a_question_goes_on_under_the_visitors_name(ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    upstream.answer = (201, {"Content-Type": "application/json", "Set-Cookie": "a=b"}, b'{"name": "vision"}')
    answer = ask("POST", "projects?state=all", json={"name": "vision"})
    assert (answer.status_code, answer.json()) == (201, {"name": "vision"})
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    (call,) = upstream.calls
    assert (call["method"], call["path"]) == ("POST", "/services/labyard/api/v1/projects?state=all")
    assert call["headers"]["Authorization"] == f"token {ADA}"
    assert json.loads(call["body"]) == {"name": "vision"}
    assert "Cookie" not in call["headers"]


def test_the_token_in_the_header_goes_on_also_with_another_spelling(ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    assert ask("GET", "me", None, headers={"Authorization": f"Bearer {ADA}"}).status_code == 200
    assert upstream.calls[0]["headers"]["Authorization"] == f"token {ADA}"


def test_a_token_in_the_address_does_not_go_on(ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    assert ask("GET", f"projects?token={BOB}&limit=5").status_code == 200
    (call,) = upstream.calls
    assert (call["path"], call["headers"]["Authorization"]) == ("/services/labyard/api/v1/projects?limit=5", f"token {ADA}")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_other_methods(ask: Callable[..., httpx.Response], upstream: Upstream, method: str) -> None:
    upstream.answer = (204, {}, b"")
    assert ask(method, "projects/vision/members/bob%2Eb", content=b"{}").status_code == 204
    assert (upstream.calls[0]["method"], upstream.calls[0]["path"]) == (method, "/services/labyard/api/v1/projects/vision/members/bob%2Eb")


def test_nobody_and_other_visitors_are_refused(ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    assert ask("GET", "projects", None).status_code in (401, 403)
    answer = ask("GET", "projects", BOB)
    assert (answer.status_code, code(answer)) == (403, "forbidden")
    assert ask("GET", "projects", "token-of-nobody").status_code in (401, 403)
    assert upstream.calls == []


def test_a_signed_in_page_needs_the_xsrf_token(server: HubServer, ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    """A request that carries a cookie alone could come from any page."""
    answer = ask("POST", "projects", None, headers={"Cookie": "jupyterhub-user-ada=whatever; _xsrf=x"}, json={"name": "vision"})
    assert answer.status_code in (401, 403)
    assert upstream.calls == []


def test_errors_of_the_service_come_through(ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    body = b'{"error": {"code": "project_exists", "message": "taken"}}'
    upstream.answer = (409, {"Content-Type": "application/json", "Retry-After": "5"}, body)
    answer = ask("POST", "projects", json={"name": "vision"})
    assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (409, body, "5")


@pytest.mark.parametrize(
    "answer",
    [(200, {"Content-Type": "text/html"}, b"<html>"), (302, {"Location": "/", "Content-Type": "application/json"}, b"{}")],
    ids=["html", "redirect"],
)
def test_what_is_no_answer_of_the_service(ask: Callable[..., httpx.Response], upstream: Upstream, answer: Any) -> None:
    upstream.answer = answer
    got = ask("GET", "projects")
    assert (got.status_code, code(got)) == (502, "platform_answer")


MODELS = "GET /services/mlflow/api/2.0/mlflow/registered-models/search?max_results=1000"
VISION = {
    "id": "vision--p0", "name": "vision", "display_name": "Vision", "description": "", "state": "active", "role": "editor", "capabilities": [],
    "member_count": 1, "created_at": "2026-11-24T12:00:00Z", "created_by": "ada", "updated_at": "2026-11-24T12:00:00Z", "path": "projects/vision",
    "workspace": "vision--p0",
}  # fmt: skip


def as_json(body: Any, status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


@pytest.fixture
def models(ask: Callable[..., httpx.Response], upstream: Upstream) -> Callable[..., httpx.Response]:
    """A project with two pages of registered models."""
    upstream.answers = {
        "GET /services/labyard/api/v1/projects/vision": as_json(VISION),
        "GET /services/labyard/api/v1/projects/other": as_json({"error": {"code": "project_not_found", "message": "no"}}, 404),
        "POST /services/labyard/api/v1/projects/vision/models": as_json({"id": "1"}, 201),
        MODELS: as_json({"registered_models": [{"name": "iris"}], "next_page_token": "a/b"}),
        f"{MODELS}&page_token=a%2Fb": as_json({"registered_models": [{"name": "Cats", "version": 1}]}),
    }
    return ask


def test_the_panel_is_told_the_registered_models(models: Callable[..., httpx.Response], upstream: Upstream) -> None:
    assert models("GET", "projects/vision/registered-models").json() == {"models": ["iris", "Cats"]}
    asked = [call["headers"] for call in upstream.calls if "/mlflow/" in call["path"]]
    assert [(one["Authorization"], one["X-MLFLOW-WORKSPACE"]) for one in asked] == [(f"token {ADA}", "vision--p0")] * 2
    answer = models("GET", "projects/other/registered-models")
    assert (answer.status_code, code(answer)) == (404, "project_not_found")


def test_a_misspelt_model_is_not_shared(models: Callable[..., httpx.Response], upstream: Upstream) -> None:
    answer = models("POST", "projects/vision/models", json={"model": "irsi", "user": "bob"})
    assert (answer.status_code, code(answer)) == (404, "model_not_found")
    assert "Did you mean 'iris'?" in answer.json()["error"]["message"]
    assert "POST" not in [call["method"] for call in upstream.calls]
    assert models("POST", "projects/vision/models", json={"model": "Cats", "user": "bob"}).status_code == 201
    upstream.answers[MODELS] = as_json({"error_code": "PERMISSION_DENIED"}, 403)
    assert models("POST", "projects/vision/models", json={"model": "Cats", "user": "bob"}).status_code == 502
    for status in (302, 404, 503):
        upstream.answers[MODELS] = (status, {"Content-Type": "text/html", "Location": "/"}, b"a page")
        assert models("POST", "projects/vision/models", json={"model": "x", "user": "bob"}).status_code == 201, "there is no MLflow"


def test_large_bodies_are_refused(ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    got = ask("POST", "projects", content=b"x" * (2**20 + 1))
    assert (got.status_code, code(got)) == (413, "body_too_large")
    assert upstream.calls == []


@pytest.mark.parametrize(
    "path", ["authorize", "access/ada", "projects/vision/access", "projects/%2e%2e/authorize", "projects/a%2fb", "projects//x"]
)
def test_other_paths_are_refused(ask: Callable[..., httpx.Response], upstream: Upstream, path: str) -> None:
    got = ask("GET", path)
    assert (got.status_code, code(got)) == (404, "not_found")
    assert upstream.calls == []


def test_a_put_is_refused_in_the_one_shape(ask: Callable[..., httpx.Response], upstream: Upstream) -> None:
    got = ask("PUT", "projects", json={})
    assert (got.status_code, code(got)) == (405, "method_not_allowed")


def test_only_listed_routes_are_forwarded() -> None:
    assert is_forwarded("GET", "projects/vision/events")
    assert is_forwarded("DELETE", "projects/vision/members/zo%C3%AB")
    assert not is_forwarded("POST", "projects/vision/events")
    assert not is_forwarded("GET", "projects/../authorize")
    assert not is_forwarded("GET", "projects/%5c")
    assert not is_forwarded("GET", "projects/%00")
    assert not is_forwarded("GET", "")


def test_service_down(tmp_path: Path, upstream: Upstream) -> None:
    server = HubServer(tmp_path / "down", upstream, LABYARD_SERVICE_URL="http://127.0.0.1:9/services/labyard/")
    try:
        got = server.client.get("platform/projects")
        assert (got.status_code, code(got)) == (503, "platform_unavailable")
        assert "Try again" in got.json()["error"]["message"]
    finally:
        server.remove()


@pytest.mark.parametrize("environment", [{"LABYARD_PROJECT": "vision--p0123456789"}, {"LABYARD_SERVICE_URL": ""}], ids=["project", "alone"])
def test_other_servers_pass_nothing_on(tmp_path: Path, upstream: Upstream, environment: dict[str, str]) -> None:
    server = HubServer(tmp_path / "other", upstream, **environment)
    try:
        upstream.calls.clear()
        got = server.client.get("platform/projects")
        assert (got.status_code, code(got)) == (404, "no_platform")
        assert upstream.calls == []
    finally:
        server.remove()
