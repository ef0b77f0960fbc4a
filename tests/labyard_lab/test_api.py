"""The REST routes on a real Jupyter server."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from labyard.builtin_tools import builtin_tool
from labyard.models.tool import ToolInstance
from tests.labyard_lab.conftest import ECHO_TOOL, TOKEN, LabServer, echo_tool
from tests.waiting import wait_until

JSON = {"Content-Type": "application/json"}


def error_code(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert error["message"]
    return str(error["code"])


@pytest.fixture
def browser(echo_server: LabServer) -> Iterator[httpx.Client]:
    """Somebody who has signed in by cookie, as a browser does."""
    with httpx.Client(base_url=echo_server.api, timeout=30) as client:
        page = client.get(f"{echo_server.url}login?token={TOKEN}", follow_redirects=False)
        assert any(name.startswith("username-") for name in client.cookies), page.text
        client.get(f"{echo_server.url}no-such-page")  # a page of the server's own brings the XSRF cookie
        yield client


def test_tools(echo_server: LabServer) -> None:
    answer = echo_server.client.get("tools").json()
    assert answer["problems"] == []
    echo = answer["tools"][0]
    assert echo.pop("icon").startswith("<svg ")
    assert echo == {
        "name": "echo", "title": "Echo", "description": "", "opens_folder": False, "url": None, "expected_start_seconds": 5, "origin": "platform",
    }  # fmt: skip


def test_life_of_an_instance(echo_server: LabServer) -> None:
    client = echo_server.client
    first = client.post("instances", json={"tool": "echo", "folder": None})
    assert first.status_code == 201
    assert ToolInstance.model_validate(first.json()).url == "/user/ada/labyard/tools/echo/"
    assert client.post("instances", json={"tool": "echo"}).status_code == 200
    running = echo_server.wait_for("echo", "running")
    assert running["log_tail"] == ["echo tool starts"]
    assert [one["id"] for one in client.get("instances").json()["instances"]] == ["echo"]
    assert client.post("instances/echo/restart").status_code == 200
    echo_server.wait_for("echo", "running")
    gone = client.delete("instances/echo")
    assert (gone.status_code, gone.content) == (204, b"")
    assert error_code(client.get("instances/echo")) == "instance_not_found"
    assert client.get("instances").json() == {"instances": []}


def test_an_answer_waits_until_a_tool_has_started_or_failed(make_server: Callable[..., LabServer]) -> None:
    never = echo_tool("never", command=("sh", "-c", "exec sleep 600", "{socket}"), start_timeout_seconds=600)
    server = make_server([echo_tool(), echo_tool("fails", command=("sh", "-c", "exit 3", "{socket}")), never])
    client = server.client
    for name, state in (("echo", "running"), ("fails", "failed")):
        client.post("instances", json={"tool": name})
        wait_until(lambda name=name: client.get(f"instances/{name}?wait_seconds=10").json()["state"] != "starting", name)  # type: ignore[misc]
        assert client.get(f"instances/{name}?wait_seconds=10").json()["state"] == state
    client.post("instances", json={"tool": "never"})
    before = client.get("instances/never").json()["started_seconds"]
    after = client.get("instances/never?wait_seconds=0.3").json()
    assert after["state"] == "starting"
    assert after["started_seconds"] - before >= 0.3
    for wrong in ("-1", "11", "x", "nan", "inf"):
        assert error_code(client.get(f"instances/never?wait_seconds={wrong}")) == "invalid_request"


def test_instance_of_a_folder(echo_server: LabServer) -> None:
    (echo_server.root / "a b" / "runs").mkdir(parents=True)
    instance = echo_server.open("per-folder", "a b/runs")
    assert (instance["folder"], instance["title"]) == ("a b/runs", "Echo · a b/runs")
    assert httpx.get(echo_server.tool_url(instance, "x"), headers=echo_server.client.headers).status_code == 200
    echo_server.client.delete(f"instances/{instance['id']}")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_request"),
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b'{"tool": 5}', 400, "invalid_request"),
        (b'{"tool": ""}', 400, "invalid_request"),
        (b'{"tool": "echo", "command": ["sh"]}', 400, "invalid_request"),
        (b'{"tool": "echo", "folder": ["a"]}', 400, "invalid_request"),
        (b'{"tool": "nope"}', 404, "tool_not_found"),
        (b'{"tool": "../echo"}', 404, "tool_not_found"),
        (b'{"tool": "per-folder", "folder": "nowhere"}', 400, "folder"),
        (b'{"tool": "per-folder", "folder": "../.."}', 400, "folder"),
        (b'{"tool": "per-folder", "folder": "/etc"}', 400, "folder"),
        (b'{"tool": "per-folder", "folder": "a\\u0000b"}', 400, "folder"),
        (b'{"tool": "per-folder", "folder": "\\ud800"}', 400, "invalid_request"),
        (b"\xff\xfe", 400, "invalid_request"),
    ],
)
def test_bad_requests(echo_server: LabServer, body: bytes, status: int, code: str) -> None:
    response = echo_server.client.post("instances", content=body, headers=JSON)
    assert (response.status_code, error_code(response)) == (status, code)


@pytest.mark.parametrize("wanted", ["nope", "..%2f..", "echo%00", "-", "x" * 200])
def test_unknown_instances(echo_server: LabServer, wanted: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/restart")):
        assert echo_server.client.request(method, f"instances/{wanted}{path}").status_code in (403, 404)


ROUTES = [
    ("GET", "tools"),
    ("GET", "instances"),
    ("POST", "instances"),
    ("GET", "instances/echo"),
    ("DELETE", "instances/echo"),
    ("POST", "instances/echo/restart"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}, {"Cookie": "username-127-0-0-1=forged"}])
def test_strangers_are_refused(echo_server: LabServer, method: str, path: str, headers: dict[str, str]) -> None:
    response = httpx.request(method, echo_server.api + path, headers=headers)
    assert response.status_code == 403
    assert error_code(response) == "forbidden"


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] != "GET"])
@pytest.mark.parametrize("token", [None, "wrong"])
def test_xsrf_token_is_asked_for(echo_server: LabServer, browser: httpx.Client, method: str, path: str, token: str | None) -> None:
    headers = {"X-XSRFToken": token} if token else {}
    assert browser.request(method, path, headers=headers).status_code == 403
    assert browser.get("tools", headers={"Referer": echo_server.url}).status_code == 200


def test_with_the_xsrf_token_it_works(echo_server: LabServer, browser: httpx.Client) -> None:
    headers = {"X-XSRFToken": browser.cookies["_xsrf"], "Origin": f"http://127.0.0.1:{echo_server.port}"}
    assert browser.post("instances", json={"tool": "echo"}, headers=headers).status_code in (200, 201)
    foreign = {**headers, "Origin": "https://evil.example"}
    assert browser.post("instances", json={"tool": "echo"}, headers=foreign).status_code in (403, 404)


def test_looking_is_no_activity(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool()])

    def activity() -> str:
        return str(
            httpx.get(f"{server.url}api/status", headers=server.client.headers, params={"no_track_activity": "1"}).json()["last_activity"]
        )

    before = activity()
    server.client.get("instances")
    server.client.get("tools")
    assert activity() == before
    instance = server.open("echo")
    opened = activity()
    assert opened > before
    httpx.get(server.tool_url(instance, "ready"), headers=server.client.headers)
    assert activity() > opened


def test_changes_of_the_files_are_seen(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool(), builtin_tool("mlflow")], environment={"JUPYTERHUB_BASE_URL": "/jhub/"})
    urls = {tool["name"]: tool["url"] for tool in server.client.get("tools").json()["tools"]}
    assert urls == {"echo": None, "mlflow": "/jhub/services/mlflow/"}
    assert error_code(server.client.post("instances", json={"tool": "mlflow"})) == "tool_not_startable"
    folder = server.home / ".config" / "labyard" / "tools.d"
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("title: [\n")
    (problem,) = server.client.get("tools").json()["problems"]
    assert problem["source"] == str(folder / "broken.yaml")
    assert "line 2" in problem["message"]
    server.write_tools([echo_tool("other")])
    assert [tool["name"] for tool in server.client.get("tools").json()["tools"]] == ["other"]


def test_users_tools_can_be_forbidden(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool()], environment={"LABYARD_USER_TOOLS": "0"})
    folder = server.home / ".config" / "labyard" / "tools.d"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("title: Mine\ncommand: ['sh', '{socket}']\n")
    assert [tool["name"] for tool in server.client.get("tools").json()["tools"]] == ["echo"]


def test_limit_is_a_setting(make_server: Callable[..., LabServer]) -> None:
    server = make_server([echo_tool(), echo_tool("more")], config="c.LabyardLab.max_instances = 1\n")
    server.open("echo")
    response = server.client.post("instances", json={"tool": "more"})
    assert (response.status_code, error_code(response)) == (409, "too_many_instances")


def tools_of(server: LabServer) -> list[psutil.Process]:
    return [one for one in psutil.process_iter() if one.pid != server.process.pid and _is_tool(one, server)]


def _is_tool(process: psutil.Process, server: LabServer) -> bool:
    try:
        return str(ECHO_TOOL) in process.cmdline() and process.environ().get("HOME") == str(server.home)
    except psutil.Error:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_tools_end_with_the_server(make_server: Callable[..., LabServer], number: int) -> None:
    server = make_server([echo_tool(), echo_tool("more")])
    server.open("echo")
    server.open("more")
    assert len(tools_of(server)) == 4  # each with its keeper
    server.stop(number)
    if number == signal.SIGTERM:
        assert tools_of(server) == []
        assert list(server.temporary.glob("labyard-*")) == []
    else:
        wait_until(lambda: tools_of(server) == [], "the tools' end", 20)


def test_a_tool_sees_no_secret(echo_server: LabServer) -> None:
    def environment(tool: str) -> dict[str, Any]:
        url = echo_server.tool_url(echo_server.open(tool), "x")
        return dict(httpx.get(url, headers=echo_server.client.headers).json()["environment"])

    seen = environment("echo")
    assert "JUPYTERHUB_API_TOKEN" not in seen
    assert seen["JUPYTERHUB_USER"] == "ada"
    assert TOKEN not in seen.values()
    assert environment("trusted")["JUPYTERHUB_API_TOKEN"] == "secret-of-the-hub"


def test_server_starts_without_a_platform(make_server: Callable[..., LabServer], tmp_path: Path) -> None:
    server = make_server([], environment={"LABYARD_TOOLS_FILE": str(tmp_path / "gone.json")})
    answer = server.client.get("tools").json()
    assert answer["tools"] == []
    assert "administrator" in answer["problems"][0]["message"]
