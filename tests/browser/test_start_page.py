"""The start page of a real `labyard up` with profiles, groups and quotas: what people see, choose and are refused.

There is no GPU here: a program `nvidia-smi` on PATH stands in for NVIDIA's, and prints what theirs would. All behind it is real.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import snap
from tests.integration.pages_hub import Hub, start_hub
from tests.platform import Browserless, RunningPlatform, open_temporary_folder, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.browser, pytest.mark.timeout(600)]

PASSWORD = "correct horse battery"
GPU_ID = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"
NVIDIA_SMI = f"""#!{sys.executable}
import pathlib, sys
here = pathlib.Path(__file__).parent
if sys.argv[1:] == ["-L"]:
    print("GPU 0: NVIDIA A100-SXM4-40GB (UUID: {GPU_ID})")
elif "--query-gpu=uuid,utilization.gpu" in sys.argv:
    print("{GPU_ID}, " + (here / "utilisation").read_text().strip())
else:
    sys.exit(2)
"""
CONFIGURATION = """
tools: {enabled: []}
servers: {isolation: "off", idle_timeout_seconds: 4h, warm_start: false}  # the environment of a forked process can be read by nobody
currency: CHF
profiles:
  - name: small
    title: CPU small
    description: Notebooks and small tables
    cpu_cores: 1
    memory_bytes: 1Gi
    price_per_hour: 0
  - name: gpu
    title: GPU
    cpu_cores: 2
    memory_bytes: 2Gi
    gpu: {count: 1, model: A100}
    price_per_hour: 1.2
    maximum_session_seconds: 20m
  - name: gpus
    title: GPU large
    cpu_cores: 2
    memory_bytes: 2Gi
    gpu: {count: 8}
  - name: kept
    title: For research
    cpu_cores: 1
    memory_bytes: 1Gi
    groups: [research]
quotas: {users: {servers: 2, cpu_cores: 2}}
"""


IMAGES = {
    "cluster": {},
    "images": {
        "extra": [
            {
                "name": "old", "title": "Old Python", "description": "What there was before.", "frameworks": {"python": "3.9"},
                "reference": "registry.example.org/old:1",
                "deprecated": {"since": "2026-01-01", "until": f"{datetime.now(UTC).date() + timedelta(days=14)}", "successor": "sklearn"},
            }
        ]
    },
    "profiles": [
        {"name": "small", "title": "CPU small", "cpu_cores": 2, "memory_bytes": "4Gi", "images": ["sklearn", "pytorch", "old"]},
        {"name": "gpu", "title": "GPU", "cpu_cores": 8, "memory_bytes": "32Gi", "gpu": {"count": 1, "model": "A100"}, "price_per_hour": "1.2"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def with_images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that offers images, as one on a cluster does; none is started."""
    with start_hub(tmp_path_factory.mktemp("hub") / "state", IMAGES) as hub:
        hub.store.add_user("ada", PASSWORD)
        yield hub


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder:
        programs = folder / "bin"
        programs.mkdir()
        (programs / "nvidia-smi").write_text(NVIDIA_SMI)
        (programs / "nvidia-smi").chmod(0o755)
        (programs / "utilisation").write_text("0")
        (folder / "config.yaml").write_text(CONFIGURATION)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{os.environ['PATH']}:{programs}")
            with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as platform:
                for name in ("ada", "bob", "eve"):
                    platform.add_user(name, PASSWORD, admin=name == "ada")
                # He has not been here yet.
                assert platform.labyard("user", "groups", "bob", "--add", "research").stdout == "research\n"
                yield platform


@pytest.fixture
def sign_in(running: RunningPlatform, new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    def sign_in(name: str, **options: object) -> Page:
        page = new_context(**options).new_page()
        page.goto(f"{running.url}hub/login")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        return page

    return sign_in


def environment_of(running: RunningPlatform, server: str) -> dict[str, str]:
    pid = json.loads((running.state.run_private / "servers" / f"{server}.json").read_text())["pid"]
    return psutil.Process(pid).environ()


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found.response["violations"]]


def stop_all(session: Browserless, name: str) -> None:
    for server in list(session.hub_api("GET", f"users/{name}").json()["servers"]):
        path = f"users/{name}/servers/{server}" if server else f"users/{name}/server"
        session.hub_api("DELETE", path)
    wait_until(lambda: not session.hub_api("GET", f"users/{name}").json()["servers"], "all stopped")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 1100), ("light", 360), ("dark", 360)])
def test_it_shows_what_there_is_and_is_accessible(sign_in: Callable[..., Page], running: RunningPlatform, scheme: str, width: int) -> None:
    page = sign_in("eve", color_scheme=scheme, viewport={"width": width, "height": 900})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{running.url}hub/spawn/eve")
    small, gpu, large = page.locator(".profile").all()
    expect(small).to_contain_text("1 CPU · 1 GiB")
    expect(small).to_contain_text("can start now")
    expect(small).to_contain_text("0.00 CHF/h")
    expect(gpu).to_contain_text("2 CPU · 2 GiB · 1 A100")
    expect(gpu).to_contain_text("1 of 1 free now")
    expect(gpu).to_contain_text("1.20 CHF/h")
    expect(gpu).to_contain_text("stopped 20 min after its start")
    expect(large).to_contain_text("nvidia-smi shows 1 GPU, and this needs 8")
    expect(large.get_by_role("radio")).to_be_disabled()
    expect(page.get_by_text("For research")).to_have_count(0)  # of a group that she is not in
    expect(page.get_by_role("radio", name="CPU small")).to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    snap(page, f"start-{scheme}-{width}")
    assert violations(page) == []
    assert problems == []


def test_from_the_choice_to_a_gpu_of_ones_own_by_keyboard(sign_in: Callable[..., Page], running: RunningPlatform) -> None:
    page = sign_in("bob")
    page.goto(f"{running.url}hub/spawn/bob")
    expect(page.get_by_text("For research")).to_be_visible()
    page.get_by_role("radio", name="CPU small").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="GPU 2 CPU")).to_be_checked()
    page.get_by_label("Stop after idle").select_option("1 h")
    page.get_by_role("button", name="Start", exact=True).press("Enter")
    page.wait_for_url("**/user/bob/lab**", timeout=90_000)
    expect(page.get_by_text(re.compile(r"This server will be stopped in \d+ min, since its profile"))).to_be_visible(timeout=90_000)
    snap(page, "start-deadline")
    environment = environment_of(running, "bob")
    assert environment["CUDA_VISIBLE_DEVICES"] == GPU_ID
    assert environment["LABYARD_PROFILE"] == "GPU"
    assert environment["JUPYTERHUB_ACTIVITY_INTERVAL"] == "300"
    page.goto(f"{running.url}hub/home")
    expect(page.locator(".server").first).to_contain_text("GPU · 2 CPU · 2 GiB · 1 GPU")
    expect(page.locator(".server").first).to_contain_text(
        re.compile(r"It will be stopped in 1\d min, since its profile allows no longer session")
    )
    assert violations(page) == []
    snap(page, "start-home")


def test_what_somebody_has_is_not_free_and_what_was_chosen_is_kept(sign_in: Callable[..., Page], running: RunningPlatform) -> None:
    page = sign_in("eve")
    page.goto(f"{running.url}hub/spawn/eve?new=1")
    page.get_by_label("Name").fill("late")
    expect(page.locator(".profile").nth(1)).to_contain_text("none free now")
    page.get_by_role("radio", name="GPU 2 CPU").check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("1 GPU of 1 GPU are taken, and this needs 1 GPU. Wait until somebody stops a server")
    snap(page, "start-no-room")
    expect(page.get_by_label("Name")).to_have_value("late")
    assert "late" not in running.session("eve", PASSWORD).hub_api("GET", "users/eve?include_stopped_servers").json()["servers"]
    assert violations(page) == []
    bob = running.session("bob", PASSWORD)
    stop_all(bob, "bob")
    # The hub remembers what he chose, for this server and for a new one.
    for path in ("hub/spawn/bob", "hub/spawn/bob?new=1"):
        text = bob.http.get(path).text
        assert 'value="gpu" required checked' in text
        assert 'value="3600" selected' in text


def test_over_the_quota_is_refused_beside_the_field_before_anything_is_made(sign_in: Callable[..., Page], running: RunningPlatform) -> None:
    eve = running.session("eve", PASSWORD)
    assert eve.hub_api("POST", "users/eve/server", json={"user_options": {"profile": "small"}}).status_code in {201, 202}
    page = sign_in("eve")
    page.goto(f"{running.url}hub/spawn/eve?new=1")
    expect(page.locator(".profile").nth(1)).to_contain_text("over your quota")
    page.get_by_label("Name").fill("second")
    page.get_by_role("radio", name="GPU 2 CPU").check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("You use 1 of 2 CPU; this needs 2.")
    expect(page.get_by_label("Name")).to_have_value("second")
    expect(page.get_by_role("radio", name="GPU 2 CPU")).to_be_checked()
    snap(page, "start-quota")
    assert "second" not in eve.hub_api("GET", "users/eve?include_stopped_servers").json()["servers"]
    answer = eve.hub_api("POST", "users/eve/servers/second", json={"user_options": {"profile": "gpu"}})
    assert answer.status_code == 409
    assert "You use 1 of 2 CPU; this needs 2." in answer.json()["message"]
    # What a program was refused, the pages tell the person too.
    page.goto(f"{running.url}hub/home")
    expect(page.get_by_text("The last start was refused. You use 1 of 2 CPU; this needs 2.")).to_be_visible()
    page.goto(f"{running.url}hub/spawn-pending/eve/second")
    expect(page.get_by_role("alert")).to_contain_text("You use 1 of 2 CPU; this needs 2.")
    snap(page, "start-refused")
    assert violations(page) == []
    page.get_by_role("link", name="Choose something else").click()
    page.get_by_role("radio", name="CPU small").check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/user/eve/second/lab**", timeout=90_000)
    stop_all(eve, "eve")


def test_a_forged_choice_is_refused_by_the_page_and_by_the_api(running: RunningPlatform) -> None:
    eve = running.session("eve", PASSWORD)
    form = {"_xsrf": eve.xsrf, "profile": "kept", "interface": "lab"}
    answer = eve.http.post("hub/spawn/eve", data=form)
    assert answer.status_code == 400
    assert "no profile &#39;kept&#39; that you may use: choose one of small, gpu, gpus." in answer.text
    answer = eve.hub_api("POST", "users/eve/server", json={"user_options": {"profile": "kept"}})
    assert answer.status_code == 400
    assert "no profile 'kept' that you may use" in answer.json()["message"]
    assert "sklearn" in eve.hub_api("POST", "users/eve/server", json={"user_options": {"profile": "small", "image": "sklearn"}}).text
    assert not eve.hub_api("GET", "users/eve").json()["servers"]


def test_without_javascript(sign_in: Callable[..., Page], running: RunningPlatform) -> None:
    page = sign_in("eve", java_script_enabled=False)
    page.goto(f"{running.url}hub/spawn/eve")
    page.get_by_role("radio", name="CPU small").check()
    page.get_by_role("radio", name="Notebook One notebook").check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/user/eve/tree**", timeout=90_000)
    assert environment_of(running, "eve")["CUDA_VISIBLE_DEVICES"] == ""
    stop_all(running.session("eve", PASSWORD), "eve")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 360)])
def test_administrators_see_what_is_used_and_put_people_into_groups(
    sign_in: Callable[..., Page], running: RunningPlatform, scheme: str, width: int
) -> None:
    eve = running.session("eve", PASSWORD)
    assert eve.hub_api("POST", "users/eve/server", json={"user_options": {"profile": "small"}}).status_code in {201, 202}
    page = sign_in("ada", color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{running.url}hub/admin")
    page.get_by_role("link", name="Hardware, groups and quotas").click()
    row = page.get_by_role("row", name="eve 1 of 2")
    expect(row).to_contain_text("1 GiB")
    # What it uses at this moment stands beside what it may use.
    wait_until(lambda: page.reload() and re.search(r"[1-9][0-9.]* MiB", row.inner_text()), "the memory in use is shown")
    page.get_by_label("User name").fill("nobody-here")
    page.get_by_label("Group", exact=True).fill("research")
    page.get_by_role("button", name="Add to the group").click()
    expect(page.get_by_role("alert")).to_contain_text("There is nobody called 'nobody-here': invite them first.")
    page.get_by_label("User name").fill("eve")
    page.get_by_role("button", name="Add to the group").click()
    expect(page.get_by_role("button", name="Take eve out of research")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    snap(page, f"resources-{scheme}-{width}")
    assert violations(page) == []
    assert "For research" in eve.http.get("hub/spawn?new=1").text
    page.get_by_role("button", name="Take eve out of research").click()
    expect(page.get_by_role("button", name="Take eve out of research")).to_have_count(0)
    assert "For research" not in eve.http.get("hub/spawn?new=1").text
    stop_all(eve, "eve")


def test_groups_that_nobody_is_in_are_told(running: RunningPlatform, tmp_path: Path) -> None:
    assert "nobody is in the group research, which the profile kept names" in running.log("hub")  # bob was put there after its start
    (tmp_path / "config.yaml").write_text("quotas: {groups: {research: {servers: 2}, reserch: {servers: 2}}}")
    told = running.labyard("config", "check", "--config", str(tmp_path / "config.yaml")).stderr
    assert "nobody is in the group reserch" in told
    assert len(told.splitlines()) == 1


def test_nobody_else_changes_groups(running: RunningPlatform) -> None:
    eve = running.session("eve", PASSWORD)
    assert eve.http.get("hub/admin/resources").status_code == 403
    assert eve.http.post("hub/admin/groups/add", data={"_xsrf": eve.xsrf, "name": "eve", "group": "research"}).status_code == 403
    done = running.labyard("user", "groups", "eve", "--add", "labyard-projects", check=False)
    assert (done.returncode, "Labyard's own" in done.stderr) == (2, True)
    done = running.labyard("user", "groups", "mallory", "--add", "research", check=False)
    assert done.returncode != 0


def test_the_gpu_stays_with_its_server_when_the_hub_is_killed(running: RunningPlatform) -> None:
    bob, eve = running.session("bob", PASSWORD), running.session("eve", PASSWORD)
    assert bob.hub_api("POST", "users/bob/server", json={"user_options": {"profile": "gpu"}}).status_code in {201, 202}
    wait_until(lambda: bob.hub_api("GET", "users/bob").json()["servers"].get("", {}).get("ready"), "the server", 90)
    psutil.Process(running.process_id("hub")).kill()

    def refused() -> bool:
        try:
            answer = eve.hub_api("POST", "users/eve/server", json={"user_options": {"profile": "gpu"}})
        except httpx.TransportError:  # a connection that the killed hub had ends without an answer
            return False
        return answer.status_code == 409 and "1 GPU of 1 GPU are taken" in answer.text

    wait_until(refused, "the new hub knows what is taken", 90)
    stop_all(bob, "bob")
    assert eve.hub_api("POST", "users/eve/server", json={"user_options": {"profile": "gpu"}}).status_code in {201, 202}
    stop_all(eve, "eve")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 1100), ("light", 360), ("dark", 360)])
def test_images_are_offered_with_what_is_inside_and_what_replaces_them(
    with_images: Hub, new_context: Callable[..., BrowserContext], scheme: str, width: int
) -> None:
    context = new_context(color_scheme=scheme, viewport={"width": width, "height": 1000})
    client = with_images.signed_in("ada")
    context.add_cookies(
        [{"name": one.name, "value": one.value or "", "domain": "127.0.0.1", "path": one.path} for one in client.http.cookies.jar]
    )
    page = context.new_page()
    page.goto(f"{with_images.url}hub/spawn/ada")
    image = page.get_by_label("What?").locator("visible=true")
    expect(image).to_have_value("sklearn")
    assert image.locator("option").all_inner_texts() == ["Scientific Python", "PyTorch", "Old Python (goes soon)"]
    expect(page.get_by_text("is replaced by Scientific Python in 14 days")).to_be_hidden()
    image.select_option("Old Python (goes soon)")
    expect(page.get_by_text("is replaced by Scientific Python in 14 days")).to_be_visible()
    page.get_by_text("What is inside").locator("visible=true").click()
    expect(page.get_by_text("python 3.9")).to_be_visible()
    expect(page.get_by_text("xgboost")).to_be_hidden()
    snap(page, f"start-images-{scheme}-{width}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("radio", name="GPU 8 CPU").check()
    expect(image).to_have_id("image-gpu")
    assert all("CPU" not in text for text in image.locator("option").all_inner_texts())


def test_an_image_of_another_profile_is_refused_beside_the_field(with_images: Hub) -> None:
    client = with_images.signed_in("ada")
    answer = client.post("hub/spawn/ada", profile="small", **{"image-small": "pytorch-cuda"})
    assert answer.status_code == 400
    assert "does not offer the image &#39;pytorch-cuda&#39;: choose one of sklearn, pytorch, old." in answer.text
    assert 'aria-describedby="image-problem"' in answer.text
    answer = client.api("POST", "users/ada/server", json={"user_options": {"profile": "small", "image": "pytorch-cuda"}})
    assert answer.status_code == 400
    assert "does not offer the image 'pytorch-cuda'" in answer.json()["message"]
