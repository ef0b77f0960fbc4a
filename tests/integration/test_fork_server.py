"""Forked servers on a real platform: each as an ordinary start would have made it, and none the worse for the end of the fork server or the hub."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest

from tests.integration.kernels import KernelConnection
from tests.platform import RunningPlatform, is_root, open_temporary_folder, start_platform, wait_until

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
LOOK = """
import json, os, pathlib
print(json.dumps({"environment": dict(os.environ), "home": str(pathlib.Path.home()), "folder": os.getcwd(), "uid": os.getuid()}))
"""


@dataclass
class World:
    running: RunningPlatform
    token: str
    server: httpx.Client
    hub: httpx.Client
    browser: httpx.Client

    def start(self, **options: str) -> psutil.Process:
        """Start ada's server, and return its process."""
        assert self.hub.post("ada/server", json={"user_options": options} if options else None).status_code in (201, 202)
        wait_until(lambda: self.model.get("ready"), "the server is ready", 90)
        record = json.loads((self.running.state.run_private / "servers" / "ada.json").read_text())
        return psutil.Process(record["pid"])

    def stop(self) -> None:
        assert self.hub.delete("ada/server").status_code in (202, 204)
        wait_until(lambda: not self.model, "the server is gone", 60)

    @property
    def model(self) -> dict[str, Any]:
        found: dict[str, Any] = self.hub.get("ada").json()["servers"].get("", {})
        return found

    def fork_server(self) -> psutil.Process:
        """Return the fork server, once it is ready."""
        found = wait_until(lambda: re.findall(r"fork server (\d+) is ready", self.running.log("hub")), "the fork server is ready")
        return psutil.Process(int(found[-1]))

    def look(self) -> dict[str, Any]:
        """Return what a kernel sees of its server's environment."""
        kernel = self.server.post("api/kernels", json={"name": "python3"}).raise_for_status().json()["id"]
        with KernelConnection(f"{self.running.url}user/ada/", kernel, self.token) as connection:
            told: dict[str, Any] = json.loads(connection.run(LOOK).text)
        return told

    def ordinary_starts(self) -> int:
        return self.running.log("hub").count("starts in the ordinary way")


@pytest.fixture(scope="module")
def world(environments: Any) -> Iterator[World]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("tools: {enabled: []}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            running.add_user("ada", PASSWORD)
            session = running.session("ada", PASSWORD)
            token = session.token("ada")
            yield World(running, token, running.client("user/ada/", token), running.client("hub/api/users/", token), session.http)


def test_a_forked_server_is_as_an_ordinary_one(world: World) -> None:
    fork_server = world.fork_server()
    process = world.start()
    assert process.ppid() == world.running.process_id("hub")
    assert process.exe() == fork_server.exe()
    assert "labyard-singleuser" in " ".join(process.cmdline())
    assert (process.uids().real != os.getuid()) is is_root()
    warm = world.look()
    world.stop()
    assert not process.is_running()
    assert world.ordinary_starts() == 0

    fork_server.suspend()  # it hangs
    process = world.start()
    assert process.ppid() == world.running.process_id("hub")
    assert world.ordinary_starts() == 1
    ordinary = world.look()
    world.stop()
    changing = {
        "JUPYTERHUB_API_TOKEN",
        "JPY_API_TOKEN",
        "LABYARD_MLFLOW_TOKEN",
        "JPY_SESSION_NAME",
        "JPY_PARENT_PID",
        "JUPYTERHUB_SERVICE_URL",
    }
    changing |= {name for name in warm["environment"] if name.startswith("LABYARD_") and name.endswith("_PORT")}
    for told in (warm, ordinary):
        assert changing & told["environment"].keys() >= {"JUPYTERHUB_API_TOKEN", "LABYARD_MLFLOW_TOKEN"}
        told["environment"] = {name: value for name, value in told["environment"].items() if name not in changing}
    assert warm == ordinary


def test_what_it_keeps_lies_in_its_own_home(world: World) -> None:
    world.start()
    home = world.running.state.homes / "ada"
    setting = "lab/api/settings/@jupyterlab/apputils-extension:themes"
    world.server.put(setting, json={"raw": '{"theme": "JupyterLab Dark"}'}).raise_for_status()
    assert (home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings").exists()
    world.stop()


def test_the_end_of_the_fork_server_ends_no_server(world: World) -> None:
    server = world.start()
    world.fork_server().kill()
    assert server.is_running()
    assert world.server.get("api/status").status_code == 200
    assert world.model["ready"]
    world.stop()
    assert not server.is_running()
    ready = world.running.log("hub").count(" is ready")
    world.start()
    world.stop()
    wait_until(lambda: world.running.log("hub").count(" is ready") > ready, "there is another fork server")
    ordinary = world.ordinary_starts()
    world.start()
    world.stop()
    assert world.ordinary_starts() == ordinary


def test_a_new_hub_finds_a_forked_server_and_ends_it(world: World) -> None:
    server = world.start()
    kernel = world.server.post("api/kernels", json={"name": "python3"}).raise_for_status().json()["id"]
    family = wait_until(lambda: server.children(recursive=True), "the kernel runs")
    hub = world.running.process_id("hub")
    psutil.Process(hub).kill()
    wait_until(lambda: world.running.process_id("hub") != hub and _answers(world), "the hub is back", 60)
    assert world.server.get(f"api/kernels/{kernel}").status_code == 200
    wait_until(lambda: world.model.get("ready"), "the hub knows the server", 60)
    world.stop()
    assert not server.is_running()
    wait_until(
        lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family), "all that it started has ended"
    )


def safe_start_told(world: World) -> str:
    """Return what JupyterLab's page and the home page both say about a safe start; empty if there was none."""
    page = world.server.get("lab").text
    config = json.loads(page.partition('id="jupyter-config-data" type="application/json">')[2].partition("</script>")[0])
    reason = str(config["labyardSafeStart"])
    home = html.unescape(world.browser.get("hub/home").text)
    assert (reason in home) if reason else ("Safe start" not in home)
    return reason


def test_a_safe_start_can_be_asked_for_and_holds_once(world: World) -> None:
    assert 'name="safe_start"' in world.browser.get("hub/spawn").text
    world.start(safe_start="1")
    assert safe_start_told(world) == "You asked for it when you started this server."
    world.stop()
    file = world.running.state.homes / "ada" / ".jupyter" / "jupyter_server_config.py"
    file.parent.mkdir(exist_ok=True)
    owner = file.parent.parent.stat()
    os.chown(file.parent, owner.st_uid, owner.st_gid)
    file.write_text("raise SystemExit")
    world.start()  # without being asked for, it needs a reason
    assert "(SystemExit)" in safe_start_told(world)
    world.stop()
    file.unlink()
    world.start()
    assert safe_start_told(world) == ""
    world.stop()


def test_the_owner_works_on_while_the_hub_is_away(world: World) -> None:
    """It hangs, and then it is gone, for longer than JupyterHub's part of a server remembers anybody."""
    world.start()
    world.running.add_user("eve", PASSWORD)
    visitor = world.running.client("user/ada/", world.running.session("eve", PASSWORD).token("eve"))
    browser = world.running.session("ada", PASSWORD).http
    assert browser.get("user/ada/lab").status_code == 200
    xsrf = next(one.value for one in browser.cookies.jar if one.name == "_xsrf" and one.path.startswith("/user/ada"))
    file = {"type": "file", "format": "text", "content": "kept"}

    def save() -> tuple[int, int]:
        by_cookie = browser.put("user/ada/api/contents/cookie.txt", json=file, headers={"X-XSRFToken": xsrf or ""})
        return by_cookie.status_code, world.server.put("api/contents/token.txt", json=file).status_code

    assert save() in {(200, 200), (201, 201)}
    assert visitor.get("api/contents").status_code == 403
    supervisor, hub = psutil.Process(world.running.process.pid), psutil.Process(world.running.process_id("hub"))
    supervisor.suspend()  # else the hub would be back at once
    try:
        hub.suspend()
        wait_until(lambda: visitor.get("api/contents").status_code == 503, "the hub's last answers are forgotten")
        assert save() == (200, 200)
        refusal = visitor.get("api/contents")
        assert "does not answer" in refusal.json()["message"]
        assert "127.0.0.1" not in refusal.text, "no inner address is shown"
        hub.kill()
        assert save() == (200, 200)
        assert visitor.get("api/contents").status_code == 503
    finally:
        supervisor.resume()
    wait_until(lambda: world.running.process_id("hub") != hub.pid and _answers(world), "the hub is back", 60)
    wait_until(lambda: visitor.get("api/contents").status_code == 403, "the hub says who visits", 30)
    assert save() == (200, 200)
    world.stop()


def _answers(world: World) -> bool:
    try:
        return world.hub.get("ada").status_code == 200
    except (httpx.HTTPError, ValueError):
        return False


def test_a_killed_server_is_noticed(world: World) -> None:
    server = world.start()
    server.kill()
    world.stop()
    assert "Traceback" not in world.running.log("hub")
    world.start()
    world.stop()


def test_a_server_tells_that_it_answers_and_nobody_tells_for_another(world: World) -> None:
    world.running.add_user("bob", PASSWORD)
    bob = world.running.session("bob", PASSWORD).token("bob")
    told = world.running.log("hub").count("204 POST /hub/api/labyard/ready/ada")
    world.start()
    wait_until(lambda: world.running.log("hub").count("204 POST /hub/api/labyard/ready/ada") == told + 1, "the hub is told")
    hub = world.running.client("hub/api/labyard/ready/", bob)
    assert hub.post("ada").status_code == 404
    assert world.running.client("hub/api/labyard/ready/", "no-token").post("ada").status_code == 403
    world.stop()
