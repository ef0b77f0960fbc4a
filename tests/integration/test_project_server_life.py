"""The life of a project's server: its start as its members see it, its stop, and its end with the project."""

from __future__ import annotations

import json
import pwd
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import websocket

from tests.integration.kernels import KernelConnection, server_environment
from tests.integration.project_world import World, open_world
from tests.platform import RunningPlatform, is_root, wait_until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.integration, pytest.mark.timeout(300)]

NAVIGATES = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
"""As a browser asks for a page; where no server runs, the hub answers it."""

LEAVE_BEHIND = """
import os, pathlib, subprocess
home, files = pathlib.Path.home(), pathlib.Path(os.environ["JUPYTERHUB_ROOT_DIR"])
def leave(path, text):
    path = home / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
def mark(name):
    return f"import os; os.makedirs('{files}/marks', exist_ok=True); open('{files}/marks/{name}', 'w').close()\\n"
leave(".ipython/profile_default/startup/00.py", mark("startup"))
leave(".ipython/profile_default/ipython_config.py", mark("ipython_config"))
leave(".ipython/profile_default/ipython_kernel_config.py", mark("kernel_config"))
leave(".jupyter/jupyter_server_config.py", mark("server_config"))
for name in (".bashrc", ".profile", ".bash_profile", ".bash_login"):
    leave(name, f"mkdir -p {files}/marks; touch {files}/marks/{name[1:]}\\n")
packages = ["-c", "import sysconfig; print(sysconfig.get_path('purelib', 'posix_user'))"]
for python in ("/usr/bin/python3", "python3"):
    found = subprocess.run([python, *packages], capture_output=True, text=True).stdout.strip()
    leave(f"{found}/usercustomize.py", mark("usercustomize"))
    leave(f"{found}/left.pth", mark("pth"))
leave(".local/share/jupyter/kernels/left/kernel.json", '{"argv": ["true"], "display_name": "Left", "language": "python"}')
"""


@pytest.fixture(scope="module")
def world(shared_platform: RunningPlatform) -> Iterator[World]:
    with open_world(shared_platform) as world:
        yield world


def process_of(world: World) -> psutil.Process:
    record = json.loads((world.running.state.run_private / "servers" / f"{world.project}.json").read_text())
    return psutil.Process(record["pid"])


def test_it_runs_as_an_account_of_its_own_and_keeps_its_things_to_itself(world: World) -> None:
    process = process_of(world)
    folder = world.running.state.projects / world.project
    environment = server_environment(world.running, world.project, world.tokens["bob"])
    assert environment["HOME"] == str(folder / "home")
    assert environment["LABYARD_PROJECT"] == world.project
    assert environment["LABYARD_TOOL_DATA_DIR"] == str(folder / "tools")
    assert (folder / "home").stat().st_mode & 0o777 == 0o700
    assert process.cwd() == str(folder / "home")
    if is_root():
        account = pwd.getpwuid(process.uids().real)
        assert account.pw_dir == str(folder / "home")
        assert Path(f"/proc/{process.pid}/status").read_text().count("Umask:\t0007")
        assert {(folder / name).stat().st_uid for name in ("home", "tools")} == {account.pw_uid}


def test_a_user_of_the_hub_owns_it_and_shows_up_nowhere(world: World) -> None:
    assert world.project not in world.running.labyard("user", "list").stdout
    for name in ("ada", "dan"):
        assert world.project not in world.sessions[name].http.get("hub/home").text
        assert world.call(name, "GET", "me")["name"] == name
    assert world.call("ada", "GET", f"projects/vision/candidates?query={world.project}")["users"] == []


def test_a_member_sees_how_a_start_gets_on(world: World) -> None:
    bob, carol = world.sessions["bob"].http, world.sessions["carol"].http
    world.call("bob", "DELETE", "projects/vision/server", 204)
    assert world.call("bob", "GET", "projects/vision/server")["state"] == "stopped"
    stopped = carol.get(f"user/{world.project}/lab", headers=NAVIGATES)
    assert stopped.status_code == 424
    assert "The server of vision is not running" in stopped.text
    assert "<summary>carol</summary>" in stopped.text  # the menu is the visitor's, not the project's
    assert "<form" not in stopped.text.partition("<main")[2]
    assert world.call("carol", "DELETE", "projects/vision/server", 403)["error"]["code"] == "not_allowed"
    assert world.call("carol", "POST", "projects/vision/server")["state"] in ("starting", "running")
    for browser in (bob, carol):
        page = browser.get(f"hub/spawn-pending/{world.project}")
        assert page.status_code == 200, page.text[:300]
        assert "Starting the server of vision" in page.text or "JupyterLab" in page.text
        assert "Cancel" not in page.text
    assert world.sessions["dan"].http.get(f"hub/spawn-pending/{world.project}").status_code in (403, 404)
    for method in ("POST", "DELETE", "PATCH"):
        refused = world.sessions["bob"].hub_api(method, f"users/{world.project}/server", json={})
        assert refused.status_code in (403, 404), "the hub itself lets no member start, change or stop it: the service does"
    assert world.sessions["bob"].hub_api("POST", f"users/{world.project}/tokens", json={}).status_code in (403, 404)
    wait_until(lambda: carol.get(f"user/{world.project}/lab").url.path == f"/user/{world.project}/lab", "JupyterLab", 60)


def test_who_comes_late_is_let_in_and_who_is_gone_is_let_in_no_more(world: World) -> None:
    world.let_in("dan", "viewer")
    assert world.sessions["dan"].http.get(f"user/{world.project}/lab").url.path == f"/user/{world.project}/lab"
    world.set_role("dan", None)
    wait_until(lambda: world.sessions["dan"].http.get(f"user/{world.project}/lab").status_code == 403, "dan is out", 10)


@pytest.mark.skipif(not is_root(), reason="needs accounts of their own")
@pytest.mark.parametrize("role", ["viewer", None])
def test_what_an_editor_left_running_ends_with_their_right(world: World, role: str | None) -> None:
    world.let_in("bob", "editor")
    process = process_of(world)
    token = server_environment(world.running, world.project, world.tokens["bob"])["JUPYTERHUB_API_TOKEN"]
    server = world.at_server("bob")
    kernel = server.post("api/kernels", json={"name": "python3"}).json()["id"]
    with KernelConnection(world.url, kernel, world.tokens["bob"]) as connection:
        code = "import subprocess; print(subprocess.Popen(['setsid', 'sh', '-c', 'setsid sleep 4711 & echo $!'], stdout=subprocess.PIPE).stdout.readline())"
        assert not connection.run(code).error
    assert world.hub(token).get("user").status_code == 200
    left = [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "4711"] and one.uids() == process.uids()]
    assert left
    world.set_role("bob", role)
    wait_until(lambda: not any(one.is_running() for one in (process, *left)), "all processes have ended", 30)
    wait_until(lambda: world.hub(token).get("user").status_code == 403, "the token works no more", 10)
    world.enter("ada")
    world.set_role("bob", "editor")


@pytest.mark.skipif(not is_root(), reason="needs accounts of their own")
def test_what_a_removed_editor_left_to_start_by_itself_does_not_start(world: World) -> None:
    world.let_in("bob", "editor")
    process = process_of(world)
    home = world.running.state.projects / world.project / "home"
    marks = world.running.state.projects / world.project / "files" / "marks"
    server = world.at_server("bob")
    kernel = server.post("api/kernels", json={"name": "python3"}).json()["id"]
    with KernelConnection(world.url, kernel, world.tokens["bob"]) as connection:
        assert not connection.run(LEAVE_BEHIND).error
    assert (home / ".bashrc").exists()
    world.set_role("bob", None)
    wait_until(lambda: not process.is_running(), "the server has ended", 30)
    world.enter("ada")

    server = world.at_server("ada")
    assert "left" not in server.get("api/kernelspecs").json()["kernelspecs"]
    kernel = server.post("api/kernels", json={"name": "python3"}).json()["id"]
    with KernelConnection(world.url, kernel, world.tokens["ada"]) as connection:
        # The workbench's interpreter never looks into the account's packages; the machine's own would.
        code = "import subprocess; print(subprocess.run(['/usr/bin/python3', '-c', 'print(1)'], capture_output=True, text=True))"
        assert "returncode=0" in connection.run(code).text
    terminal = server.post("api/terminals").json()["name"]
    url = f"{world.url}terminals/websocket/{terminal}".replace("http", "ws", 1)
    shell = websocket.create_connection(url, header=[f"Authorization: token {world.tokens['ada']}"], timeout=60)
    shell.send(json.dumps(["stdin", "echo reached-$((40 + 2))\r"]))
    shown = ""
    while "reached-42" not in shown:
        shown += str(json.loads(shell.recv())[1])
    shell.close()
    assert not marks.exists(), sorted(one.name for one in marks.iterdir())
    world.set_role("bob", "editor")


def test_it_ends_with_its_project(world: World) -> None:
    process = process_of(world)
    world.call("ada", "DELETE", "projects/vision?confirm=vision", 204)
    wait_until(lambda: not process.is_running(), "the server has ended", 30)
    assert world.hub(world.service_token()).get(f"users/{world.project}/server").status_code == 404
    page = f"user/{world.project}/lab"  # the proxy learns a moment later that nobody is there any more
    wait_until(lambda: world.sessions["ada"].http.get(page, headers=NAVIGATES).status_code in (403, 404), "its address leads nowhere", 10)
    world.project = world.call("ada", "POST", "projects", 201, {"name": "vision"})["id"]
    world.enter("ada")
    assert world.at_server("ada").get("labyard/api/v1/project").json()["works"]
    assert world.at_server("bob").get("api/contents").status_code == 403
