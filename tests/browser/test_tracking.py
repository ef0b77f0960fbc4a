"""A project's MLflow and Label Studio as its members see them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from labyard_hub.hub_process.mlflow_client import client_environment
from tests.browser.conftest import snap
from tests.integration.project_world import PASSWORD, World, open_world
from tests.platform import RunningPlatform, wait_until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def world(shared_platform: RunningPlatform) -> Iterator[World]:
    with open_world(shared_platform) as world:
        client = world.running.client("services/mlflow/api/2.0/mlflow/", world.tokens["ada"])
        headers = {"X-MLFLOW-WORKSPACE": world.project}
        made = client.post("experiments/create", json={"name": "signs"}, headers=headers).raise_for_status().json()
        run = {"experiment_id": made["experiment_id"], "run_name": "first of the project"}
        client.post("runs/create", json=run, headers=headers).raise_for_status()
        yield world


def sign_in(page: Page, world: World, name: str) -> None:
    page.goto(f"{world.running.url}hub/login?next=/hub/home")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/home")


def test_one_sees_ones_workspaces_and_changes_between_them(world: World, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    sign_in(page, world, "carol")
    mlflow = f"{world.running.url}services/mlflow/"
    page.goto(mlflow)
    expect(page.get_by_role("link", name="carol")).to_be_visible()
    expect(page.get_by_text("Project vision, for you to read")).to_be_visible()
    expect(page.get_by_role("button", name="Create new workspace")).to_be_hidden()
    snap(page, "mlflow workspaces")
    page.get_by_role("link", name=world.project).click()
    expect(page.get_by_role("link", name="signs").first).to_be_visible()

    # By an address, as the panel opens it.
    page.goto("about:blank")
    page.goto(f"{mlflow}#/experiments?workspace={world.project}")
    page.get_by_role("link", name="signs").first.click()
    expect(page.get_by_text("first of the project").first).to_be_visible()
    snap(page, "mlflow of a project")

    # A viewer is told so.
    page.goto("about:blank")
    page.goto(f"{mlflow}#/experiments?workspace={world.project}")
    page.get_by_role("button", name="Create").first.click()
    page.get_by_placeholder("Input an experiment name").fill("by carol")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_text("but not change it").first).to_be_visible()
    snap(page, "mlflow refuses a viewer")


TRACE = """
import mlflow
from mlflow.tracing.display.display_handler import get_notebook_iframe_html
with mlflow.start_span("look at a sign") as span:
    span.set_inputs({"sign": "stop"})
mlflow.flush_trace_async_logging()
trace = mlflow.get_trace(span.trace_id)
print("FRAME", get_notebook_iframe_html([trace]))
"""


def test_a_trace_in_a_notebook_shows_itself(world: World, new_context: Callable[..., BrowserContext], environments: Path) -> None:
    running = world.running
    done = subprocess.run(
        [environments / "workbench" / "bin" / "python", "-W", "ignore", "-c", TRACE],
        env={
            "PATH": "/usr/bin:/bin", "HOME": "/", **client_environment(running.platform, running.state.projects), "MLFLOW_WORKSPACE": world.project,
            "MLFLOW_TRACKING_TOKEN": world.tokens["ada"], "MLFLOW_EXPERIMENT_NAME": "signs",
        },
        cwd="/", capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = new_context().new_page()
    sign_in(page, world, "ada")
    page.goto(f"{running.url}services/mlflow/version")
    page.evaluate("html => { document.body.innerHTML = html }", done.stdout.partition("FRAME")[2])
    frame = page.frame_locator("#trace-renderer")
    expect(frame.get_by_text("look at a sign").first).to_be_visible()
    snap(page, "a trace in a notebook")


def test_who_edits_a_file_that_was_renamed_elsewhere_is_told(world: World, new_context: Callable[..., BrowserContext]) -> None:
    file = world.write("notes.txt", "one")
    page = new_context().new_page()
    sign_in(page, world, "bob")
    page.goto(f"{world.url}lab/tree/notes.txt")
    editor = page.locator(".jp-FileEditor .cm-content")
    expect(editor).to_have_text("one", timeout=60_000)
    file.rename(file.with_name("renamed.txt"))
    editor.click()
    page.keyboard.type("two ")
    expect(page.get_by_text("Your edits of notes.txt are not saved").first).to_be_visible(timeout=60_000)
    snap(page, "a file renamed elsewhere")


def test_somebody_with_no_project_is_asked_for_no_workspace(world: World, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    sign_in(page, world, "dan")
    page.goto(f"{world.running.url}services/mlflow/#/experiments")
    expect(page.get_by_role("link", name="Default")).to_be_visible()
    expect(page.get_by_text(world.project)).to_have_count(0)
    expect(page.get_by_text("Select workspace")).to_have_count(0)


def test_label_studio_waits_for_whoever_may_start_it(world: World, new_context: Callable[..., BrowserContext]) -> None:
    address = f"{world.running.url}user/{world.project}/labyard/open/label-studio"
    carol, bob = (new_context().new_page() for _ in range(2))
    sign_in(carol, world, "carol")
    sign_in(bob, world, "bob")
    carol.goto(address)
    expect(carol.get_by_role("status")).to_contain_text("Label Studio is not running. Anyone who may edit here starts it")
    snap(carol, "label studio waits")
    bob.goto(address)
    expect(bob.get_by_role("status")).to_contain_text("Starting Label Studio")
    whoami = f"/user/{world.project}/labyard/tools/label-studio/api/current-user/whoami"
    ask = "address => fetch(address).then(answer => answer.ok ? answer.json() : null)"
    for name, page in (("bob", bob), ("carol", carol)):
        page.wait_for_url("**/labyard/tools/label-studio/**", timeout=180_000)
        expect(page.get_by_text("Create your first project")).to_be_visible(timeout=60_000)
        found = wait_until(lambda page=page: page.evaluate(ask, whoami), "signed in", 30)
        assert found["email"] == f"{name}@labyard.invalid"
        snap(page, f"label studio of {name}")
