"""The gateway in process, in front of an application that tells what it was sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from labyard_hub.mlflow_server.mlflow_gateway import gateway
from labyard_hub.mlflow_server.mlflow_gateway.authority import Authority, Caller
from labyard_hub.mlflow_server.mlflow_gateway.shared_models import FoundVersion

PREFIX = "/services/mlflow"
ORIGIN = "https://labyard.example.org"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the request, as MLflow would see it."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
    if scope["path"].endswith("server-info"):
        content = json.dumps({"workspaces_enabled": True}).encode()
    elif scope["path"] == f"{PREFIX}/":
        content = b"<!doctype html><head><title>MLflow</title></head>"
    elif scope["path"].endswith("notebook-trace-renderer/index.html"):
        content = b'<html><head><base href="/"><script defer="defer" src="/static-files/lib/trace.js"></script></head></html>'
    else:
        query = scope["query_string"].decode()
        content = json.dumps({"path": scope["path"], "query": query, "headers": headers, "size": len(body)}).encode()
    answer = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), (b"set-cookie", b"a=b"), (b"server", b"x"),
              (b"access-control-allow-origin", b"*"), (b"content-security-policy", b"none"), (b"etag", b"x")]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": answer})
    for start in range(0, len(content), 16):
        await send({"type": "http.response.body", "body": content[start : start + 16], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def service(request: httpx.Request) -> httpx.Response:
    """Answer as the labyard service."""
    assert set(request.headers) & {"authorization", "cookie"}
    name = request.headers.get("authorization", "").removeprefix("Bearer ") or request.headers["cookie"].removeprefix("labyard-session=")
    if name == "down":
        raise httpx.ConnectError("no")
    if name in ("wrong", "narrow"):
        return httpx.Response({"wrong": 401, "narrow": 403}[name], json={"error": {"code": "x", "message": f"{name}!"}})
    both = ["read_tracking", "write_tracking"]
    workspaces = {"ada": {"ada": both}, "bob": {"bob": both, "team": ["read_tracking"], "closed": []}}[name]
    more = {
        "ada": {"projects": {"vision": "team"}, "shared_models": [{"workspace": "team", "model": "iris"}]},
        "bob": {"projects": {"vision": "team"}},
    }[name]
    return httpx.Response(200, json={"user": name, "admin": False, "workspace": name, "workspaces": workspaces, **more})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async def ensure(_: str) -> None: ...

    async def find(workspace: str, request: Any) -> Any:
        assert workspace == "team"
        if request.version == "9":
            raise request.refusal()
        return FoundVersion("3", "workspaces/team/1/models/m-1/artifacts")

    async with httpx.AsyncClient(transport=httpx.MockTransport(service), base_url="http://service/") as outward:
        settings = gateway.GatewaySettings(PREFIX, "/services/labyard/login", "labyard-session", ORIGIN)
        app = gateway.Gateway(echo, settings, Authority(outward), ensure, find)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"{ORIGIN}{PREFIX}/") as inward:
            yield inward


def bearer(name: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}", **more}


GET = "api/2.0/mlflow/runs/get"
CREATE = "api/2.0/mlflow/runs/create"


async def test_mlflow_sees_the_workspace_and_no_credentials(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        GET, headers=bearer("ada", Cookie="labyard-session=ada; jupyterhub-session-id=x", **{"X-Forwarded-For": "1.2.3.4"})
    )
    seen = answer.json()["headers"]
    assert ["x-mlflow-workspace", "ada"] in seen
    assert not {name for name, _ in seen} & {"authorization", "cookie", "x-forwarded-for"}


async def test_only_a_workspace_that_one_may_use(client: httpx.AsyncClient) -> None:
    for workspace, status in (("bob", 200), ("team", 200), ("ada", 403), ("default", 403), ("", 200)):
        answer = await client.get(GET, headers=bearer("bob", **{"X-MLflow-Workspace": workspace}))
        assert answer.status_code == status, workspace
        if status == 200:
            assert ["x-mlflow-workspace", workspace or "bob"] in answer.json()["headers"]


async def test_a_viewer_reads_and_does_not_write(client: httpx.AsyncClient) -> None:
    team = bearer("bob", **{"X-MLFLOW-WORKSPACE": "team"})
    assert (await client.get(GET, headers=team)).status_code == 200
    answer = await client.post(CREATE, headers=team, json={})
    assert answer.status_code == 403
    assert answer.json() == {"error_code": "PERMISSION_DENIED", "message": "You may read the workspace team, but not change it."}
    assert (await client.post(CREATE, headers=bearer("bob"), json={})).status_code == 200


async def test_refusals_are_in_mlflows_shape(client: httpx.AsyncClient) -> None:
    for headers, status, code in (
        ({}, 401, "UNAUTHENTICATED"),
        (bearer("wrong"), 401, "UNAUTHENTICATED"),
        (bearer("narrow"), 403, "PERMISSION_DENIED"),
        (bearer("down"), 503, "TEMPORARILY_UNAVAILABLE"),
    ):
        answer = await client.get(GET, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert (await client.get("nowhere", headers=bearer("ada"))).json()["error_code"] == "ENDPOINT_NOT_FOUND"
    assert (await client.post("api/2.0/mlflow/webhooks", headers=bearer("ada"))).json()["error_code"] == "PERMISSION_DENIED"


@pytest.mark.parametrize("path", ["mlflow-artifacts/mpu/create", "mlflow-artifacts/presigned/a/b", "mlflow/artifacts/presigned-upload-url"])
async def test_clients_learn_that_files_go_in_one_piece(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(f"api/2.0/{path}", headers=bearer("ada"), json={})
    assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert answer.json()["message"].startswith("Multipart upload is not supported for the current artifact repository")


async def test_the_address_without_its_last_slash_leads_to_the_page(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"http://test{PREFIX}", headers=bearer("ada"))
    assert (answer.status_code, answer.headers["location"]) == (307, f"{PREFIX}/")


async def test_the_page_of_a_trace_loads_from_below_the_prefix(client: httpx.AsyncClient) -> None:
    page = (await client.get("static-files/lib/notebook-trace-renderer/index.html", headers=bearer("ada"))).text
    assert f'<base href="{PREFIX}/">' in page
    assert 'src="static-files/lib/trace.js"' in page


async def test_that_the_service_was_down_is_not_kept(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await client.get(GET, headers=bearer("down"))).headers["retry-after"] == "2"
    monkeypatch.setattr(Authority, "_ask", lambda *_: _answer(Caller("down", "w", {"w": "owner"})))
    assert (await client.get(GET, headers=bearer("down"))).status_code == 200


async def _answer(caller: Any) -> Any:
    return caller


async def test_only_a_browser_that_goes_somewhere_is_sent_to_sign_in(client: httpx.AsyncClient) -> None:
    page = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate"}
    answer = await client.get("get-artifact?path=a%20b&run_id=1", headers=page)
    assert answer.status_code == 302
    target = "%2Fservices%2Fmlflow%2Fget-artifact%3Fpath%3Da%2520b%26run_id%3D1"
    assert answer.headers["location"] == f"/services/labyard/login?next={target}"
    assert (await client.get("", headers={**page, "Sec-Fetch-Mode": "cors"})).status_code == 401
    assert (await client.get("", headers={**page, **bearer("wrong")})).status_code == 401
    assert (await client.post("graphql", headers=page)).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["a/..%2Fb", "%2e%2e/b", "a//b", "a%5Cb", "%00", "a/%252e%252e/b", "api/2.0/mlflow-artifacts/artifacts/%2e%2e/x"],
)
async def test_a_path_that_can_be_read_in_two_ways_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(httpx.URL(f"{ORIGIN}{PREFIX}/").copy_with(raw_path=f"{PREFIX}/{path}".encode()), headers=bearer("ada"))
    assert answer.status_code == 400
    assert (await client.get(f"{ORIGIN}/elsewhere", headers=bearer("ada"))).status_code == 404


async def test_files_stream_and_other_bodies_are_limited(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MAX_BODY_BYTES", 100)
    path = "api/2.0/mlflow-artifacts/artifacts/a b/ü.txt"
    answer = await client.put(path, headers=bearer("ada"), content=b"x" * 200)
    assert answer.json()["size"] == 200
    assert answer.json()["path"] == f"/{path}", "the handler that streams is registered without the prefix"
    assert (await client.post(CREATE, headers=bearer("ada"), content=b"x" * 101)).status_code == 413
    assert (await client.post(CREATE, headers=bearer("ada", **{"Content-Length": "-1"}), content=b"")).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 10

    with pytest.raises(AssertionError):  # no answer: MLflow was told that the client went away
        await client.post(CREATE, headers=bearer("ada"), content=pieces())


async def test_a_browser_is_told_not_to_trust_files(client: httpx.AsyncClient) -> None:
    for path in ("get-artifact?path=x.html&run_id=1", "api/2.0/mlflow-artifacts/artifacts/x.html", "model-versions/get-artifact"):
        headers = (await client.get(path, headers=bearer("ada"))).headers
        assert headers["content-security-policy"] == "sandbox; frame-ancestors 'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "private, no-store"
    headers = (await client.get(GET, headers=bearer("ada"))).headers
    assert headers.get_list("content-security-policy") == ["object-src 'none'; base-uri 'self'; frame-ancestors 'self'"]
    assert not {"set-cookie", "server", "access-control-allow-origin"} & set(headers)


async def test_the_page_is_not_told_of_workspaces_where_there_is_no_choice(client: httpx.AsyncClient) -> None:
    for name, told in (("ada", False), ("bob", True)):
        answer = await client.get("ajax-api/3.0/mlflow/server-info", headers=bearer(name))
        assert answer.json() == {"workspaces_enabled": told}
        # Clients, which are asked for a workspace by nobody, may name their only one.
        assert (await client.get("api/3.0/mlflow/server-info", headers=bearer(name))).json() == {"workspaces_enabled": True}
    assert (await client.get("api/3.0/mlflow/workspaces", headers=bearer("bob"))).json() == {
        "workspaces": [{"name": "bob"}, {"name": "team", "description": "Project vision, for you to read"}]
    }
    assert (await client.get("api/3.0/mlflow/workspaces/ada", headers=bearer("bob"))).status_code == 403
    assert (await client.delete("api/3.0/mlflow/workspaces/bob", headers=bearer("bob"))).status_code == 403
    assert (await client.post("api/3.0/mlflow/workspaces", headers=bearer("bob"), json={"name": "x"})).status_code == 403


SHARED = "labyard/shared-models"


async def test_files_of_a_shared_model_are_read_in_the_workspace_that_it_is_in(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{SHARED}/vision/iris/@best", headers=bearer("ada"))
    assert answer.json() == {"workspace": "team", "name": "iris", "version": "3"}
    answer = await client.get(f"{SHARED}/vision/iris/3/list/a b?path=x", headers=bearer("ada"))
    assert answer.json()["path"] == f"{PREFIX}/api/2.0/mlflow-artifacts/artifacts"
    assert answer.json()["query"] == "path=workspaces%2Fteam%2F1%2Fmodels%2Fm-1%2Fartifacts%2Fa+b"
    answer = await client.get(f"{SHARED}/vision/iris/3/files/a b/MLmodel?path=x", headers=bearer("ada"))
    assert answer.json()["path"] == "/api/2.0/mlflow-artifacts/artifacts/workspaces/team/1/models/m-1/artifacts/a b/MLmodel"
    assert answer.json()["query"] == ""
    assert [value for name, value in answer.json()["headers"] if name == "x-mlflow-workspace"] == ["team"]
    assert answer.headers["content-security-policy"] == "sandbox; frame-ancestors 'self'"
    # Whoever may use the workspace may load from it in the same way, by its own name.
    assert (await client.get(f"{SHARED}/team/other/1", headers=bearer("bob"))).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "vision/other/1"), ("GET", "team/other/1/list"), ("GET", "nowhere/iris/1"), ("GET", "vision/iris/9"),
        ("GET", "vision/iris"), ("GET", "vision/iris/3/files"), ("GET", "vision/iris/3/elsewhere/x"), ("GET", "vision/iris/3/version/x"),
        ("PUT", "vision/iris/3/files/x"), ("DELETE", "vision/iris/3/files/x"), ("POST", "vision/iris/3"),
    ],
)  # fmt: skip
async def test_nothing_but_the_files_of_a_shared_model_is_in_reach(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await client.request(method, f"{SHARED}/{path}", headers=bearer("ada"))).status_code == 404


@pytest.mark.parametrize("path", ["%2e%2e/%2e%2e/x", "a/..%2F..%2Fx", "a//x", "%00", "a%5Cx"])
async def test_no_path_leads_out_of_a_shared_model(client: httpx.AsyncClient, path: str) -> None:
    raw = f"{PREFIX}/{SHARED}/vision/iris/3/files/{path}".encode()
    answer = await client.get(httpx.URL(f"{ORIGIN}{PREFIX}/").copy_with(raw_path=raw), headers=bearer("ada"))
    assert answer.status_code in (400, 404)


async def test_the_page_begins_with_settings_that_suit(client: httpx.AsyncClient) -> None:
    answer = await client.get("", headers=bearer("ada"))
    assert answer.text.startswith("<!doctype html><head><script>")
    assert '"mlflow.settings.telemetry.enabled_v1": false' in answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "etag" not in answer.headers


async def test_a_websocket_is_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = gateway.Gateway(echo, gateway.GatewaySettings(PREFIX, "", "", ""), None, None, None)
    await app({"type": "websocket", "path": f"{PREFIX}/", "headers": []}, None, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
