"""The whole way, as people go it: set-up link, invitation, JupyterLab, a training, the tools on that run, a reload, a killed hub."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, expect

from labyard.builtin_tools import BUILT_IN_TOOLS
from tests.browser.conftest import snap
from tests.documents import DOCS, blocks
from tests.platform import RunningPlatform, is_root, start_platform, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

PASSWORD = "correct horse battery"
EXAMPLE = Path(__file__).parents[2] / "examples" / "first-run" / "train.py"
TRAIN, TRAIN_AGAIN = [one.strip() for one in blocks(DOCS / "tutorials" / "first-run.md", "sh") if one.startswith("python")]
NewContext = Callable[..., BrowserContext]


def become_administrator(page: Page, running: RunningPlatform, name: str) -> None:
    page.goto(running.setup_url)
    snap(page, "01-setup")
    page.get_by_label("User name").fill(name)
    page.get_by_role("textbox", name="Password", exact=True).fill(PASSWORD)
    page.get_by_role("textbox", name="Password again").fill(PASSWORD)
    page.get_by_role("button", name="Become the administrator").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    snap(page, "02-home-first-time")


def open_lab(page: Page) -> None:
    page.get_by_role("button", name="Open JupyterLab").click()
    expect(page.locator(".jp-Launcher").first).to_be_visible(timeout=90_000)


def launch(page: Page, card: str) -> None:
    """Open a card of the Launcher, and a Launcher first if none is in front."""
    if not page.locator(".jp-Launcher").locator("visible=true").count():
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-addButton").locator("visible=true").first.click()
    page.locator(".jp-LauncherCard", has_text=card).locator("visible=true").first.click()


def tool_frame(page: Page, title: str) -> FrameLocator:
    return page.frame_locator(f'iframe[title^="{title}"]')


def contents(page: Page, method: str, path: str, body: dict[str, str] | None = None) -> str | None:
    """Call Jupyter Server's contents API as JupyterLab's own page does; return a file's text, None where there is none."""
    text: str | None = page.evaluate(
        """async ([method, path, body]) => {
            const base = JSON.parse(document.getElementById('jupyter-config-data').textContent).baseUrl;
            const tokens = document.cookie.split('; ').filter(c => c.startsWith('_xsrf=')).map(c => c.slice(6));
            for (const token of tokens.concat([''])) {
                const answer = await fetch(`${base}api/contents/${path}`, {method, headers: {'X-XSRFToken': token}, body: body && JSON.stringify(body)});
                if (answer.ok) { return (await answer.json()).content ?? ''; }
            }
            return null;
        }""",
        [method, path, body],
    )
    return text


def upload(page: Page, path: str, text: str) -> None:
    assert contents(page, "PUT", path, {"type": "file", "format": "text", "content": text}) is not None


def train_in_terminal(page: Page, command: str = TRAIN) -> float:
    """Run the tutorial's command in a terminal, and return the accuracy that it printed."""
    launch(page, "Terminal")
    terminal = page.locator(".jp-Terminal").locator("visible=true")
    terminal.click()
    # The text of a terminal is painted, not written into the page: a file carries it.
    page.keyboard.type(f"{command} 2>&1 | tee out.txt; mv out.txt done.txt\n")
    text = wait_until(lambda: contents(page, "GET", "done.txt"), "the training ends", 120)
    snap(page, "04-training-in-a-terminal")
    found = re.search(r"accuracy (0\.\d+) in run", text)
    assert found is not None, text
    return float(found[1])


def see_tensorboard(page: Page) -> None:
    """Open it from the context menu of the folder, and see the run's curve."""
    page.locator(".jp-DirListing-item", has_text="runs").click(button="right")
    snap(page, "05-context-menu")
    page.get_by_role("menuitem", name="Open in TensorBoard").click()
    frame = tool_frame(page, "TensorBoard")
    snap(page, "06-tensorboard-starting")
    expect(frame.get_by_text("accuracy").first).to_be_visible(timeout=90_000)
    expect(frame.get_by_text("lr-0.01").first).to_be_visible()
    snap(page, "07-tensorboard")


def see_mlflow(page: Page, accuracy: float) -> None:
    """Open it from the Launcher, and find this run's own figure in it."""
    launch(page, "MLflow")
    frame = tool_frame(page, "MLflow")
    expect(frame.get_by_text("Experiments").first).to_be_visible(timeout=180_000)
    snap(page, "08-mlflow")
    frame.get_by_role("link", name="Default").first.click()  # it opens at the person's own experiments
    frame.get_by_role("link", name="lr-0.01").first.click(timeout=60_000)
    expect(frame.get_by_text(f"{accuracy:.3f}"[:4]).first).to_be_visible(timeout=60_000)
    snap(page, "09-mlflow-run")


def label_a_task(page: Page) -> None:
    """Open Label Studio, signed in; a project comes by its API, the label by hand."""
    launch(page, "Label Studio")
    frame = tool_frame(page, "Label Studio")
    expect(frame.get_by_text("Create Project").first).to_be_visible(timeout=240_000)
    snap(page, "10-label-studio")
    inner = next(frame for frame in page.frames if "label-studio" in frame.url and frame.parent_frame is not None)
    project = inner.evaluate(
        """async () => {
            const prefix = window.APP_SETTINGS.hostname;
            const token = document.cookie.split('; ').find(c => c.startsWith('csrftoken='))?.split('=')[1] ?? '';
            const call = async (path, body) => (await fetch(prefix.replace(/\\/$/, '') + path, {
                method: 'POST', headers: {'Content-Type': 'application/json', 'X-CSRFToken': token}, body: JSON.stringify(body)
            })).json();
            const config = '<View><Text name="text" value="$text"/><Choices name="mood" toName="text"><Choice value="glad"/><Choice value="sad"/></Choices></View>';
            const project = await call('/api/projects', {title: 'Moods', label_config: config});
            await call(`/api/projects/${project.id}/import`, [{text: 'The sun is out.'}]);
            return [project.id, prefix];
        }"""
    )
    inner.goto(f"{project[1].rstrip('/')}/projects/{project[0]}/data")
    expect(frame.get_by_text("The sun is out.").first).to_be_visible(timeout=60_000)
    frame.get_by_text("The sun is out.").first.click()
    frame.get_by_text("glad", exact=False).first.click(timeout=60_000)
    frame.get_by_role("button", name="Submit").click()
    expect(frame.get_by_text("Update", exact=True).first).to_be_visible(timeout=30_000)
    snap(page, "11-labelled")


def restart_hub(running: RunningPlatform) -> None:
    killed = running.process_id("hub")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: running.process_id("hub") != killed, "the hub is started again")
    wait_until(lambda: httpx.get(f"{running.url}hub/health", trust_env=False).status_code == 200, "the hub answers", 60)


@pytest.mark.skipif(not is_root(), reason="with isolation it is started as root")
def test_two_people_with_isolation(new_context: NewContext, open_folder: Path) -> None:
    with start_platform(open_folder / "state", tools=BUILT_IN_TOOLS) as running:
        ada = new_context().new_page()
        become_administrator(ada, running, "ada")

        ada.get_by_role("link", name="Admin").click()
        ada.get_by_label("User name").fill("bob")
        ada.get_by_role("button", name="Invite").click()
        invitation = ada.get_by_label("The link", exact=True).input_value()
        snap(ada, "03-invitation")
        bob = new_context().new_page()
        bob.goto(invitation)
        bob.get_by_role("textbox", name="Password", exact=True).fill(PASSWORD)
        bob.get_by_role("textbox", name="Password again").fill(PASSWORD)
        bob.get_by_role("button", name="Join").click()
        expect(bob.get_by_role("heading", level=1)).to_contain_text("bob")
        bob.goto(invitation)
        expect(bob.get_by_role("alert").or_(bob.get_by_role("heading", level=1)).first).to_contain_text(
            re.compile("used|no longer|works once", re.I)
        )

        ada.goto(running.url)
        open_lab(ada)
        snap(ada, "03-lab")
        upload(ada, "train.py", EXAMPLE.read_text())
        accuracy = train_in_terminal(ada)
        see_tensorboard(ada)
        see_mlflow(ada, accuracy)
        label_a_task(ada)

        ada.reload()
        for title in ("TensorBoard", "MLflow", "Label Studio"):
            expect(ada.get_by_role("tab", name=re.compile(title)).first).to_be_visible(timeout=60_000)
        ada.get_by_role("tab", name=re.compile("TensorBoard")).first.click()
        expect(tool_frame(ada, "TensorBoard").get_by_text("accuracy").first).to_be_visible(timeout=60_000)
        snap(ada, "12-after-a-reload")

        restart_hub(running)
        ada.reload()
        ada.get_by_role("tab", name=re.compile("MLflow")).first.click(timeout=60_000)
        expect(tool_frame(ada, "MLflow").get_by_text("Experiments").first).to_be_visible(timeout=60_000)
        home = ada.context.new_page()
        home.goto(running.url)
        expect(home.get_by_role("heading", level=1)).to_contain_text("ada")
        expect(home.get_by_text("TensorBoard").first).to_be_visible()
        snap(home, "13-home-with-tools")

        for path in ("user/ada/lab", "user/ada/tree", "user/ada/labyard/api/v1/instances"):
            answer = bob.goto(running.url + path)
            assert answer is not None
            assert answer.status in (403, 404), f"{path}: {answer.status}"
            snap(bob, f"14-not-yours-{path}")
        open_lab_as_bob = bob.goto(running.url)
        assert open_lab_as_bob is not None
        open_lab(bob)
        launch(bob, "MLflow")
        expect(tool_frame(bob, "MLflow").get_by_text("Experiments").first).to_be_visible(timeout=60_000)
        assert "lr-0.01" not in next(frame for frame in bob.frames if "mlflow" in frame.url).content()


def test_one_person_without_isolation(new_context: NewContext, open_folder: Path, ordinary_user: tuple[str, ...]) -> None:
    root = open_folder / "state"
    root.mkdir(mode=0o700)
    if ordinary_user:
        shutil.chown(root, ordinary_user[1].partition("=")[2])
    with start_platform(root, tools=("tensorboard", "mlflow"), prefix=ordinary_user) as running:
        isolation = running.last("isolation")
        assert isolation is not None
        assert "people can read each other's files" in isolation["message"]
        page = new_context().new_page()
        become_administrator(page, running, "eve")
        open_lab(page)
        upload(page, "train.py", EXAMPLE.read_text())
        accuracy = train_in_terminal(page)
        see_tensorboard(page)
        see_mlflow(page, accuracy)
