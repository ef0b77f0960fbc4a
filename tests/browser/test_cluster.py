"""On a cluster, in a browser: sign in, choose, watch the pod start, and be in JupyterLab, which runs for real in a pod of the fake Kubernetes with its volumes mounted."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from labyard_hub.backends.assets.bundle import ASSETS_PATH, assets_folder, ensure_assets
from tests.browser.conftest import snap
from tests.integration.cluster_image import image
from tests.integration.cluster_world import NAMESPACE, PASSWORD, PROJECTS_CLAIM, ClusterWorld, start_cluster_world
from tests.labyard_lab.conftest import echo_tool
from tests.platform import is_root, open_temporary_folder, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_root(), reason="pods that are real processes mount their volumes, which takes root"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[ClusterWorld]:
    with open_temporary_folder() as folder:
        # What a platform on this machine has made of this environment is what the hub's image has.
        page, assets = ensure_assets(assets_folder(folder)), folder / "assets"
        assets.mkdir()
        (assets / page.parent.name).symlink_to(page.parent)
        with start_cluster_world(folder, runtime="process", image={"LABYARD_ASSETS_DIR": str(assets)}) as running:
            _furnish(running)
            yield running


def _furnish(world: ClusterWorld) -> None:
    tools, volumes = world.folder / "tools.json", world.folder / "kubernetes" / "volumes" / NAMESPACE
    tools.write_text(json.dumps([echo_tool().model_dump(mode="json")]))
    curated = image()
    curated["env"]["LABYARD_TOOLS_FILE"] = str(tools)
    world.fake.set_images({"*labyard-sklearn:*": {**curated, "pull_seconds": 3}})
    # On a cluster the service runs as the pods' own user.
    subprocess.run(["chown", "-R", "1000:1000", str(volumes / PROJECTS_CLAIM)], check=True)


def files_of(world: ClusterWorld) -> Path:
    return world.folder / "kubernetes" / "volumes" / NAMESPACE / PROJECTS_CLAIM / world.project / "files"


def sign_in(page: Page, world: ClusterWorld, name: str) -> None:
    page.goto(f"{world.url}hub/login")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/home")


def run_in_terminal(page: Page, world: ClusterWorld, name: str, command: str) -> None:
    """Type a command into a new terminal of JupyterLab, as a person does."""
    page.goto(f"{world.url}user/{name}/lab?reset")
    page.locator(".jp-LauncherCard", has_text="Terminal").first.click()
    page.locator(".jp-Terminal").locator("visible=true").click()
    page.keyboard.type(command + "\n")


def test_a_person_picks_hardware_waits_and_works_in_their_projects_by_role(
    world: ClusterWorld, new_context: Callable[..., BrowserContext]
) -> None:
    shared = files_of(world)
    (shared / "hello.txt").write_text("from ada\n")
    os.chown(shared / "hello.txt", 1000, 1000)
    page = new_context().new_page()
    asked: list[str] = []
    page.on("response", lambda answer: asked.append(urlsplit(answer.url).path) if answer.ok else None)
    sign_in(page, world, "carol")
    page.goto(f"{world.url}hub/spawn/carol")
    page.get_by_text("CPU small").first.click()
    expect(page.get_by_text(re.compile("can start now|free now")).first).to_be_visible()
    snap(page, "cluster-start")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("pulling the image")).to_be_visible()
    snap(page, "cluster-pulling")
    page.wait_for_url("**/user/carol/lab**", timeout=120_000)
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=60_000)
    # What a browser loads of JupyterLab is the same for all pods, and the service has it.
    assert not [path for path in asked if path.startswith(("/user/carol/static/lab/", "/user/carol/lab/extensions/"))]
    shared_files = {path.split("/")[4] for path in asked if path.startswith(ASSETS_PATH)}
    assert shared_files == {one.name for one in (world.folder / "assets").iterdir()}
    # She sees what the project holds, by the link in her home, and can change nothing there: the mount is read-only.
    run_in_terminal(
        page,
        world,
        "carol",
        "cp projects/vision/hello.txt mine.txt; touch projects/vision/hers.txt 2> refusal.txt; id -u >> refusal.txt; echo done > done.txt",
    )
    home = world.folder / "kubernetes" / "volumes" / NAMESPACE / "home-carol"
    wait_until((home / "done.txt").exists, "the commands ran", 60)
    assert (home / "mine.txt").read_text() == "from ada\n"
    assert "Read-only file system" in (home / "refusal.txt").read_text()
    assert (home / "refusal.txt").read_text().splitlines()[-1] == "1000"
    assert sorted(path.name for path in shared.iterdir()) == ["hello.txt"]
    snap(page, "cluster-lab")
    failure = new_context().new_page()
    sign_in(failure, world, "bob")
    failure.goto(f"{world.url}hub/spawn/bob")
    failure.get_by_text("No such image").first.click()
    failure.get_by_role("button", name="Start").click()
    expect(failure.get_by_text("cannot be had: the registry has none of that name.")).to_be_visible()
    snap(failure, "cluster-image-pull")


def test_a_tool_in_a_pod_is_reached_by_the_pod_s_server_which_lets_nobody_else_in(world: ClusterWorld) -> None:
    world.press_start("ada", "small")
    pod = world.wait_ready("ada")
    ip, session = pod["status"]["podIP"], world.sessions["ada"]
    assert [one["containerPort"] for one in pod["spec"]["containers"][0]["ports"]] == [8888]
    # The server has told the hub that it is ready.
    assert "204 POST /hub/api/labyard/ready/ada" in world.log("hub")
    routes = (world.folder / "proxy" / "proxy-routes.map").read_text().splitlines()
    assert [line for line in routes if line.startswith("ada.") and line.endswith(f"%2Fuser%2Fada%2F {ip}|8888")]
    session.http.get("user/ada/lab")
    headers = {"X-XSRFToken": next(one.value or "" for one in session.http.cookies.jar if one.name == "_xsrf" and one.path == "/user/ada/")}
    session.http.post("user/ada/labyard/api/v1/instances", json={"tool": "echo", "folder": None}, headers=headers).raise_for_status()
    wait_until(lambda: session.http.get("user/ada/labyard/api/v1/instances/echo").json()["state"] == "running", "the tool", 60)
    said = session.http.get("user/ada/labyard/tools/echo/somewhere").json()
    assert said["uri"] == "/user/ada/labyard/tools/echo/somewhere"
    assert "jupyterhub-" not in str(said["headers"])
    address = f"http://{ip}:8888/user/ada/labyard/tools/echo/somewhere"
    cookies = {one.name: one.value or "" for one in session.http.cookies.jar if one.domain.startswith("ada.")}
    assert httpx.get(address, cookies=cookies, trust_env=False).json()["uri"] == said["uri"]
    # Neither the proxy nor the pod's own address lets a stranger in.
    for made in (
        {},
        {"Cookie": "jupyterhub-user-ada=x"},
        {"Authorization": f"token {world.sessions['dan'].token('dan')}"},
    ):
        assert httpx.get(address, headers=made, trust_env=False).status_code in (302, 403), made
    answer = world.sessions["dan"].http.get("user/ada/labyard/tools/echo/somewhere")
    assert (answer.status_code, 'somewhere"' in answer.text) == (403, False)
    # A page of before an upgrade loads what it still needs from its own server.
    version = next((world.folder / "assets").iterdir())
    for path in json.loads((version / "page.json").read_text())["start"]:
        answer = session.http.get(f"{ASSETS_PATH}{'0' * 16}/{path}"[1:], headers={"Referer": f"{world.url}user/ada/lab/tree/x"})
        assert answer.content == (version / "files" / path).read_bytes(), path
        assert answer.url.path.startswith("/user/ada/")
    world.stop_server("ada")
    assert "%2Fuser%2Fada%2F" not in (world.folder / "proxy" / "proxy-routes.map").read_text()
