"""Tools of packages made for jupyter-server-proxy, three from the registry, in the environment of notebooks; and those of the server's configuration.

The programs themselves (code-server, RStudio, marimo) are replaced by one that tells what it gets.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import httpx
import pytest

from labyard_lab.available_tools.icons import DEFAULT_ICON
from labyard_lab.proxy.paths import ToolPaths
from tests.labyard_lab.conftest import ECHO_TOOL, TOKEN, LabServer, wait_until
from tests.workers import free_port

AUTHORIZATION = {"Authorization": f"token {TOKEN}"}
PAGE = {**AUTHORIZATION, "Accept": "text/html"}
PACKAGES = Path(__file__).with_name("package_tools.txt")
PROGRAM = f"""#!{sys.executable}
import os, re, sys
line = " ".join(sys.argv[1:])
if line == "--help":
    sys.exit(print("--www-root-path --www-socket --server-data-dir") or 0)
os.environ["PROGRAM_ARGUMENTS"] = line
where = ["--socket", found[1]] if (found := re.search(r"--www-socket=(\\S+)", line)) else ["--port", re.search(r"--port[= ](\\d+)", line)[1]]
os.execv({sys.executable!r}, [{sys.executable!r}, {str(ECHO_TOOL)!r}, *where])
"""
CONFIGURATION = f"""
def callable_command(port, base_url):
    return [{sys.executable!r}, {str(ECHO_TOOL)!r}, "--port", str(port)]

c.ServerProxy.servers = {{
    "listed": {{
        "command": [{sys.executable!r}, {str(ECHO_TOOL)!r}, "--socket", "{{unix_socket}}"], "unix_socket": True, "absolute_url": True,
        "environment": {{"AT": "{{base_url}}listed", "BRACES": "{{{{}}}}"}}, "request_headers_override": {{"X-Root": "{{base_url}}listed"}},
        "launcher_entry": {{"title": "A listed one", "path_info": "listed/start?a=1"}},
    }},
    "Called_One": {{"command": callable_command}},
    "fixed": {{"command": [{sys.executable!r}, {str(ECHO_TOOL)!r}, "--port", "@fixed@"], "port": @fixed@}},
    "runs-already": {{"port": @running@}},
    "lab": {{"command": ["x", "{{port}}"]}},
}}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of notebooks with the packages."""
    folder = tmp_path_factory.mktemp("packages") / "environment"
    uv = Path(sys.prefix) / "bin" / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", folder / "bin" / "python", "-r", PACKAGES]
    subprocess.run(command, check=True)
    for name in ("marimo", "rserver"):
        install(folder, name)
    return folder


def install(environment: Path, name: str) -> None:
    program = environment / "bin" / name
    program.write_text(PROGRAM)
    program.chmod(0o755)


@pytest.fixture(scope="module")
def server(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    variables = {"PATH": f"{environment}/bin:{os.environ['PATH']}", "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}
    server = LabServer(tmp_path_factory.mktemp("server"), [], environment=variables)
    yield server
    server.remove()


def headers_of(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.json()["headers"]}


def test_each_is_a_tool_with_its_icon(server: LabServer) -> None:
    answer = server.client.get("tools").json()
    assert answer["problems"] == []
    tools = {tool["name"]: tool for tool in answer["tools"]}
    assert {name: tool["title"] for name, tool in tools.items()} == {"marimo": "Marimo", "rstudio": "RStudio", "vscode": "VS Code"}
    assert all("<svg" in tool["icon"] and tool["icon"] != DEFAULT_ICON for tool in tools.values())
    # jupyter-server-proxy's own launchers would offer them again.
    assert httpx.get(f"{server.url}server-proxy/servers-info", headers=AUTHORIZATION).json() == {"server_processes": []}


@pytest.mark.parametrize(("name", "seen"), [("rstudio", "/x%2Fy?a=1"), ("marimo", "/user/ada/marimo/x%2Fy?a=1")])
def test_each_is_served_where_it_believes_to_be(server: LabServer, name: str, seen: str) -> None:
    instance = server.open(name)
    assert instance["url"] == f"/user/ada/{name}/"
    answer = httpx.get(server.tool_url(instance, "x%2Fy?a=1"), headers=AUTHORIZATION)
    assert answer.json()["uri"] == seen
    environment = answer.json()["environment"]
    assert f"/user/ada/{name}" in environment["PROGRAM_ARGUMENTS"]
    assert not any("TOKEN" in variable for variable in environment)
    common = httpx.get(f"{server.url}labyard/tools/{name}/x", headers=AUTHORIZATION)
    assert (common.status_code, common.headers["Location"]) == (302, instance["url"])


def test_headers_that_a_package_makes_up_at_the_start_are_sent(server: LabServer) -> None:
    """Marimo's password is another one at each start, and stands in the command and in a header."""
    answer = httpx.get(server.tool_url(server.open("marimo"), "x"), headers=AUTHORIZATION)
    arguments = answer.json()["environment"]["PROGRAM_ARGUMENTS"].split()
    password = arguments[arguments.index("--token-password") + 1]
    assert headers_of(answer)["authorization"] == "Basic " + base64.b64encode(f" :{password}".encode()).decode()


def test_one_whose_program_is_missing_says_so_and_can_be_tried_again(server: LabServer, environment: Path) -> None:
    server.client.post("instances", json={"tool": "vscode"})
    failed = server.wait_for("vscode", "failed")
    assert "Can not find code-server in PATH" in "\n".join(failed["log_tail"])
    install(environment, "code-server")
    try:
        assert server.client.post("instances/vscode/restart").status_code == 200
        answer = httpx.get(server.tool_url(server.wait_for("vscode", "running"), "x"), headers=AUTHORIZATION)
        assert headers_of(answer)["x-forwarded-prefix"] == "/user/ada/vscode"
        server.client.delete("instances/vscode")
    finally:
        (environment / "bin" / "code-server").unlink()


def test_the_address_of_one_that_does_not_run_leads_to_its_start_page(server: LabServer) -> None:
    server.client.delete("instances/vscode")
    page = httpx.get(f"{server.url}vscode/?folder=x", headers=PAGE)
    assert (page.status_code, page.headers["Location"]) == (302, "/user/ada/labyard/open/vscode")
    assert "VS Code" in httpx.get(f"{server.url}labyard/open/vscode", headers=PAGE).text
    assert httpx.get(f"{server.url}vscode/x", headers={**AUTHORIZATION, "Accept": "*/*"}).status_code == 404
    assert httpx.get(f"{server.url}vscode/x").status_code == 302  # to sign in
    assert httpx.post(f"{server.url}vscode/x").status_code == 403


async def test_websockets_pass(server: LabServer) -> None:
    url = server.tool_url(server.open("rstudio"), "socket")
    async with aiohttp.ClientSession(headers=AUTHORIZATION) as session, session.ws_connect(url, max_msg_size=0) as websocket:
        await websocket.receive_str()
        await websocket.send_bytes(bytes(12 * 2**20))
        assert len(await websocket.receive_bytes()) == 12 * 2**20


def test_one_that_is_installed_or_removed_meanwhile(server: LabServer, environment: Path) -> None:
    (packages,) = environment.glob("lib/python3*/site-packages")
    added = packages / "mine-1.0.dist-info"
    added.mkdir()
    (added / "METADATA").write_text("Name: mine\nVersion: 1.0\n")
    (added / "entry_points.txt").write_text("[jupyter_serverproxy_servers]\nmine = mine_tool:setup\nbroken = mine_tool:missing\n")
    (packages / "mine_tool.py").write_text("print('noise')\ndef setup():\n    return {'command': ['marimo', '--port', '{port}']}\n")
    wait_until(lambda: "mine" in {tool["name"] for tool in server.client.get("tools").json()["tools"]}, "the new tool")
    assert server.client.get("tools").json()["problems"] == []
    assert httpx.get(server.tool_url(server.open("mine"), "x"), headers=AUTHORIZATION).json()["uri"] == "/x"
    shutil.rmtree(added)
    wait_until(lambda: "mine" not in {tool["name"] for tool in server.client.get("tools").json()["tools"]}, "its end")


def test_tools_of_the_configuration(tmp_path: Path) -> None:
    fixed, running = free_port(), free_port()
    configuration = CONFIGURATION.replace("@fixed@", str(fixed)).replace("@running@", str(running))
    program = subprocess.Popen([sys.executable, ECHO_TOOL, "--port", str(running)], stdout=subprocess.DEVNULL)
    server = LabServer(tmp_path / "server", [], configuration)
    try:
        tools = {tool["name"]: tool for tool in server.client.get("tools").json()["tools"]}
        assert set(tools) == {"listed", "called-one", "fixed", "runs-already"}
        assert tools["listed"]["title"] == "A listed one"
        listed = server.open("listed")
        assert listed["url"] == "/user/ada/listed/start?a=1"
        answer = httpx.get(f"{server.url}listed/x", headers=AUTHORIZATION)
        assert answer.json()["uri"] == "/user/ada/listed/x"
        assert {name: answer.json()["environment"][name] for name in ("AT", "BRACES")} == {"AT": "/user/ada/listed", "BRACES": "{}"}
        assert headers_of(answer)["x-root"] == "/user/ada/listed"
        for name, path in (("called-one", "Called_One"), ("fixed", "fixed")):
            assert server.open(name)["url"] == f"/user/ada/{path}/"
            assert httpx.get(f"{server.url}{path}/x", headers=AUTHORIZATION).json()["uri"] == "/x"
        assert tools["runs-already"]["url"] == "/user/ada/runs-already/"
        wait_until(lambda: httpx.get(f"{server.url}runs-already/ready", headers=AUTHORIZATION).text == "ready", "the other program")
        assert "lab is not offered: the name is taken" in server.log.read_text()
    finally:
        server.remove()
        program.kill()
        program.wait()


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/user/ada/labyard/tools/echo/x", "echo"), ("/user/ada/labyard/tools/", None), ("/user/ada/rstudio", "rstudio"), ("/user/ada/rstudio/a/b", "rstudio"),
        ("/user/ada/rstudiox/", None), ("/user/eve/rstudio/", None), ("/user/ada/lab/rstudio/", None), ("/user/ada/", None),
    ],
)  # fmt: skip
def test_whose_a_path_is(path: str, instance: str | None) -> None:
    """The gate asks by this which tool somebody wants who visits."""
    assert ToolPaths("/user/ada/", {"rstudio": "rstudio"}.get).instance(path) == instance
