"""The page that opens a tool."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from labyard.models.tool import Tool
from tests.labyard_lab.conftest import TOKEN, LabServer, echo_tool
from tests.labyard_lab.members import IDENTITIES, Service, project_environment, service
from tests.waiting import wait_until

TOOLS = [
    echo_tool(title='Echo <"&">'),
    echo_tool("per-folder", opens_folder=True),
    Tool(name="mlflow", title="MLflow", url="services/mlflow/"),
]


@pytest.fixture
def members() -> Iterator[Service]:
    with service(bob="editor", vic="viewer") as known:
        yield known


@pytest.fixture
def project(make_server: Callable[..., LabServer], members: Service) -> LabServer:
    return make_server(TOOLS, config=IDENTITIES, environment=project_environment(members))


def visit(server: LabServer, name: str, tool: str = "echo") -> httpx.Response:
    return httpx.get(f"{server.url}labyard/open/{tool}", headers={"Authorization": f"token token-of-{name}"}, timeout=30)


def test_the_page_starts_nothing_and_says_who_may(project: LabServer) -> None:
    for name, may_start in (("bob", "true"), ("vic", "false")):
        page = visit(project, name)
        assert page.status_code == 200
        assert f'data-may-start="{may_start}"' in page.text
        assert "<h1>Echo &lt;&quot;&amp;&quot;&gt;</h1>" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<script>" not in page.text
        for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
            asset = httpx.get(f"http://127.0.0.1:{project.port}{address}", headers={"Authorization": f"token token-of-{name}"})
            assert asset.status_code == 200, address
    assert project.client.get("instances").json() == {"instances": []}
    assert visit(project, "eve").status_code == 403
    assert httpx.get(f"{project.url}labyard/open/echo").status_code == 302


def test_without_the_service_nobody_is_refused_and_nobody_gets_in(project: LabServer, members: Service) -> None:
    members.answers = False
    for path, accept in (("labyard/open/echo", "text/html"), ("api/contents", "application/json"), ("labyard/api/v1/project", "*/*")):
        answer = httpx.get(project.url + path, headers={"Authorization": "token token-of-bob", "Accept": accept}, timeout=30)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), path
        assert "It cannot be checked now whether you have access here" in answer.text, path
        assert ("tries again by itself" in answer.text) is (accept == "text/html"), path
    members.answers = True
    assert visit(project, "eve").status_code == 403
    wait_until(lambda: visit(project, "bob").status_code == 200, "bob is known again")


def test_where_the_tool_runs_it_leads_on(project: LabServer) -> None:
    project.open("echo")
    for name in ("bob", "vic"):
        answer = visit(project, name)
        assert (answer.status_code, answer.headers["location"]) == (302, "/user/ada/labyard/tools/echo/")


def test_other_tools(project: LabServer) -> None:
    assert visit(project, "bob", "mlflow").headers["location"] == "/services/mlflow/"
    assert visit(project, "bob", "per-folder").status_code == 404
    assert visit(project, "bob", "nothing").status_code == 404


def test_on_a_server_of_ones_own(make_server: Callable[..., LabServer]) -> None:
    server = make_server(TOOLS)
    page = httpx.get(f"{server.url}labyard/open/echo", headers={"Authorization": f"token {TOKEN}"})
    assert 'data-may-start="true"' in page.text
