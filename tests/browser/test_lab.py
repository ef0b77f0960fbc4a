"""JupyterLab as a person uses it: by keyboard, with tools that fail, two at once, in windows of their own, in the dark, and Notebook 7 on the same files."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, expect

from tests.browser.conftest import run_in_palette, snap
from tests.platform import RunningPlatform, open_temporary_folder, start_platform, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"
START_MILLISECONDS = 60_000

NewContext = Callable[..., BrowserContext]

PROGRAM = """
import http.server, pathlib, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><title>Fragile</title><h1>It works now</h1>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "browser"

print("looking for models in models/", flush=True)
if not pathlib.Path("~/models").expanduser().exists():
    sys.exit("no model was found: train one first")
socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()
"""
"""Fails until there is a folder `models` in the home."""

TRAINING = """
import sys, time
from tensorboardX import SummaryWriter
writer = SummaryWriter(sys.argv[1], flush_secs=1)
for step in range(3):
    writer.add_scalar(sys.argv[2], step, step)
print("written", flush=True)
sys.stdin.readline()
for step in range(3, 400):
    writer.add_scalar(sys.argv[2], step, step)
writer.add_scalar("late", 1, 0)
writer.close()
"""


@dataclass
class Lab:
    running: RunningPlatform
    server: httpx.Client
    sign_in: dict[str, Any]
    """What a browser keeps of ada's sign-in."""

    @property
    def url(self) -> str:
        return f"{self.running.url}user/ada/lab"

    @property
    def home(self) -> Path:
        return self.running.state.homes / "ada"

    def open(self, new_context: NewContext, path: str = "", **options: object) -> Page:
        """Open JupyterLab in a browser of its own, in a workspace of its own."""
        workspaces.append("x")
        page = new_context(storage_state=self.sign_in, **options).new_page()
        page.goto(f"{self.url}/workspaces/w{len(workspaces)}{path}?reset")
        expect(page.locator(".jp-Launcher").first).to_be_visible(timeout=START_MILLISECONDS)
        return page


workspaces: list[str] = []


@pytest.fixture(scope="module")
def lab(environments: Path) -> Iterator[Lab]:
    with open_temporary_folder() as folder:
        (folder / "tools.d").mkdir()
        (folder / "fragile.py").write_text(PROGRAM)
        definition = {
            "name": "fragile", "title": "Fragile", "command": [sys.executable, str(folder / "fragile.py"), "{socket}"], "strip_prefix": True,
        }  # fmt: skip
        (folder / "tools.d" / "fragile.yaml").write_text(json.dumps(definition))
        (folder / "config.yaml").write_text("tools: {enabled: [tensorboard]}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            running.add_user("ada", PASSWORD)
            session = running.session("ada", PASSWORD)
            cookies = [
                {
                    "name": one.name,
                    "value": one.value,
                    "domain": one.domain,
                    "path": one.path,
                    "expires": -1,
                    "httpOnly": True,
                    "secure": one.name.startswith("__Host-"),
                    "sameSite": "Lax",
                }
                for one in session.http.cookies.jar
            ]
            yield Lab(running, running.client("user/ada/", session.token("ada")), {"cookies": cookies, "origins": []})


def tool_frame(page: Page, title: str) -> FrameLocator:
    return page.frame_locator(f'iframe[title="{title}"]')


def launch(page: Page, card: str) -> None:
    if not page.locator(".jp-Launcher").locator("visible=true").count():
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-addButton").locator("visible=true").first.click()
    page.locator(".jp-LauncherCard", has_text=card).locator("visible=true").first.click()


def press_until_focused(page: Page, key: str, selector: str) -> None:
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press(key)
    pytest.fail(f"{key} does not lead to {selector}")


def test_by_keyboard_alone_from_the_sign_in_to_tensorboard(lab: Lab, new_context: NewContext) -> None:
    page = new_context().new_page()
    page.goto(lab.running.url)
    press_until_focused(page, "Tab", "input[name=username]")
    page.keyboard.type("ada")
    press_until_focused(page, "Tab", "input[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("ada")
    press_until_focused(page, "Tab", "button.main.big, a.main.big")
    snap(page, "lab-01-home-by-keyboard")
    page.keyboard.press("Enter")
    expect(page.locator(".jp-Launcher").first).to_be_visible(timeout=START_MILLISECONDS)
    expect(page.locator(".jp-LauncherCard", has_text="TensorBoard").first).to_be_visible()
    run_in_palette(page, "Open TensorBoard", page.get_by_role("tab", name="TensorBoard").first, picture="lab-02-palette")
    expect(tool_frame(page, "TensorBoard").get_by_text("No dashboards are active").first).to_be_visible(timeout=START_MILLISECONDS)
    snap(page, "lab-03-tensorboard-without-data")


def test_two_tensorboards_follow_two_trainings(lab: Lab, new_context: NewContext, environments: Path) -> None:
    """In tabs side by side; new values come while a training writes, a reload brings both back, and one is stopped and started again."""
    python = environments / "workbench" / "bin" / "python"
    trainings = {}
    for name in ("cats", "dogs"):
        lab.server.put(f"api/contents/{name}", json={"type": "directory"})
        command = [str(python), "-c", TRAINING, str(lab.home / name), f"{name}-loss"]
        trainings[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for training in trainings.values():
            assert training.stdout is not None
            assert training.stdout.readline() == "written\n"
        subprocess.run(["chmod", "-R", "a+rX", str(lab.home / "cats"), str(lab.home / "dogs")], check=True)
        follow(lab, lab.open(new_context), trainings["cats"])
    finally:
        for training in trainings.values():
            training.kill()
            training.communicate()


def follow(lab: Lab, page: Page, cats: subprocess.Popen[str]) -> None:
    for name in ("cats", "dogs"):
        page.locator(".jp-DirListing-item", has_text=name).click(button="right")
        page.get_by_role("menuitem", name="Open in TensorBoard").click()
        expect(tool_frame(page, f"TensorBoard · {name}").get_by_text(f"{name}-loss").first).to_be_visible(timeout=START_MILLISECONDS)
    snap(page, "lab-04-second-tensorboard")
    assert tool_frame(page, "TensorBoard · dogs").get_by_text("cats-loss").count() == 0
    page.get_by_role("tab", name="TensorBoard · cats").click()
    frame = tool_frame(page, "TensorBoard · cats")
    expect(frame.get_by_text("cats-loss").first).to_be_visible()
    assert frame.get_by_text("late").count() == 0
    snap(page, "lab-05-first-steps")

    cats.communicate("go on\n", timeout=60)
    expect(frame.get_by_text("late", exact=True).first).to_be_visible(timeout=75_000)
    snap(page, "lab-06-new-values")

    page.reload()
    for name in ("dogs", "cats"):
        page.get_by_role("tab", name=f"TensorBoard · {name}").click(timeout=START_MILLISECONDS)
        expect(tool_frame(page, f"TensorBoard · {name}").get_by_text(f"{name}-loss").first).to_be_visible(timeout=START_MILLISECONDS)
    snap(page, "lab-07-after-a-reload")

    visible = page.locator(".labyard-ToolTab").locator("visible=true")
    with page.context.expect_page() as opened:
        visible.get_by_role("button", name="New window").click()
    window = opened.value
    expect(window.get_by_text("cats-loss").first).to_be_visible(timeout=START_MILLISECONDS)
    assert window.evaluate("window.opener") is None
    snap(window, "lab-08-window-of-its-own")
    window.close()

    visible.get_by_role("button", name="Stop").click()
    expect(visible.get_by_text("is stopped")).to_be_visible()
    snap(page, "lab-09-stopped")
    states = {one["folder"]: one["state"] for one in lab.server.get("labyard/api/v1/instances").json()["instances"]}
    assert states.get("dogs") == "running"
    assert states.get("cats") in (None, "stopped")
    visible.get_by_role("button", name="Start again").click()
    expect(frame.get_by_text("cats-loss").first).to_be_visible(timeout=START_MILLISECONDS)


def test_a_tool_that_fails_shows_why_and_can_be_tried_again(lab: Lab, new_context: NewContext) -> None:
    page = lab.open(new_context)
    launch(page, "Fragile")
    tab = page.locator(".labyard-ToolTab").locator("visible=true")
    expect(tab.get_by_text("Fragile failed")).to_be_visible(timeout=START_MILLISECONDS)
    expect(tab.get_by_role("region", name="Last lines of the log")).to_contain_text("no model was found: train one first")
    snap(page, "lab-10-failed")
    tab.get_by_role("button", name="Retry").click()
    expect(tab.get_by_text("Fragile failed")).to_be_visible(timeout=START_MILLISECONDS)
    lab.server.put("api/contents/models", json={"type": "directory"}).raise_for_status()
    tab.get_by_role("button", name="Retry").click()
    expect(tool_frame(page, "Fragile").get_by_role("heading", name="It works now")).to_be_visible(timeout=START_MILLISECONDS)
    tab.get_by_role("button", name="Log").click()
    expect(tab.get_by_text("looking for models in models/").first).to_be_visible()
    snap(page, "lab-11-retried-with-its-log")


def kernel_is_ready(lab: Lab, path: str) -> bool:
    """Whether a page has connected to the kernel of the notebook `path`: before, it shows "idle" too, and drops the cells that one runs."""
    kernels = [session["kernel"] for session in lab.server.get("api/sessions").json() if session["path"] == path]
    return any(kernel["connections"] and kernel["execution_state"] == "idle" for kernel in kernels)


def test_notebook_7_on_the_same_files(lab: Lab, new_context: NewContext) -> None:
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "source": "print(6 * 7)", "outputs": [], "execution_count": None}
    notebook = {
        "cells": [cell], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    lab.server.put("api/contents/classic", json={"type": "directory"}).raise_for_status()
    lab.server.put("api/contents/classic/first.ipynb", json={"type": "notebook", "content": notebook}).raise_for_status()
    page = lab.open(new_context, "/tree/classic")
    with page.context.expect_page() as opened:
        launch(page, "Classic Notebook")
    tree = opened.value
    expect(tree.get_by_text("first.ipynb").first).to_be_visible(timeout=START_MILLISECONDS)
    snap(tree, "lab-12-notebook-7-files")
    with tree.context.expect_page() as opened:
        tree.get_by_text("first.ipynb").first.dblclick()
    classic = opened.value
    expect(classic.locator(".jp-Notebook")).to_be_visible(timeout=START_MILLISECONDS)
    wait_until(lambda: kernel_is_ready(lab, "classic/first.ipynb"), "the notebook's kernel", START_MILLISECONDS / 1000)
    classic.locator(".jp-Cell").first.click()
    classic.keyboard.press("Shift+Enter")
    expect(classic.locator(".jp-OutputArea-output").first).to_contain_text("42", timeout=START_MILLISECONDS)
    snap(classic, "lab-13-notebook-7")

    home = page.context.new_page()
    home.goto(lab.running.url)
    home.get_by_role("link", name=re.compile("Notebook 7")).first.click()
    expect(home).to_have_url(re.compile(r"/user/ada/tree"))
    expect(home.get_by_text("classic").first).to_be_visible(timeout=START_MILLISECONDS)


def test_widgets_and_tensorboards_magic_in_a_notebook(lab: Lab, new_context: NewContext, environments: Path) -> None:
    tensorboard = (environments / "tensorboard").resolve()
    packages = next(tensorboard.glob("lib/python3*/site-packages"))
    sources = [
        "import ipywidgets; ipywidgets.IntSlider(value=7, description='speed')",
        # As in a kernel of an environment that has TensorBoard.
        f"import os, sys; sys.path.append({str(packages)!r}); os.environ['PATH'] = {f'{tensorboard}/bin:'!r} + os.environ['PATH']\n"
        "%load_ext tensorboard\n%tensorboard --logdir runs",
    ]
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": one, "outputs": [], "execution_count": None}
        for n, one in enumerate(sources)
    ]
    notebook = {
        "cells": cells, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    page = lab.open(new_context)
    lab.server.put("api/contents/shown.ipynb", json={"type": "notebook", "content": notebook}).raise_for_status()
    page.locator(".jp-DirListing-item", has_text="shown.ipynb").dblclick()
    wait_until(lambda: kernel_is_ready(lab, "shown.ipynb"), "the notebook's kernel", START_MILLISECONDS / 1000)
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea .widget-label", has_text="speed")).to_be_visible(timeout=START_MILLISECONDS)
    page.keyboard.press("Shift+Enter")
    frame = page.frame_locator('iframe[id^="tensorboard-frame"]')
    expect(frame.get_by_text("No dashboards are active for the current data set").first).to_be_visible(timeout=START_MILLISECONDS)
    snap(page, "lab-14-widgets-and-tensorboard")


def test_a_save_is_tried_again_while_the_server_does_not_answer(lab: Lab, new_context: NewContext) -> None:
    page = lab.open(new_context)
    made = {"type": "file", "format": "text", "content": ""}
    lab.server.put("api/contents/kept.txt", json=made).raise_for_status()
    page.goto(f"{lab.url}/workspaces/kept/tree/kept.txt")
    page.locator(".jp-FileEditor .cm-content").click()
    page.keyboard.type("not lost")
    page.route(re.compile("/api/contents/kept.txt"), lambda route: route.fulfill(status=503, json={"message": "away"}))
    page.keyboard.press("Control+s")
    expect(page.locator("#jp-main-statusbar").get_by_text("Not saved yet: the server does not answer.")).to_be_visible()
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    snap(page, "saving-again")
    page.unroute_all()
    wait_until(lambda: (lab.home / "kept.txt").read_text() == "not lost", "saved")
    expect(page.get_by_text("Not saved yet")).to_have_count(0)


def test_in_the_dark_nothing_flashes_white(lab: Lab, new_context: NewContext) -> None:
    setting = {"raw": json.dumps({"theme": "JupyterLab Dark"})}
    lab.server.put("lab/api/settings/@jupyterlab/apputils-extension:themes", json=setting).raise_for_status()
    lab.server.put("api/contents/dark", json={"type": "directory"}).raise_for_status()
    try:
        page = lab.open(new_context, color_scheme="dark")
        expect(page.locator('body[data-jp-theme-light="false"]')).to_be_attached()
        page.locator(".jp-DirListing-item", has_text="dark").click(button="right")
        page.get_by_role("menuitem", name="Open in TensorBoard").click()
        shades = []
        frame = page.locator(".labyard-ToolFrame")
        shown = False
        while not shown:
            shown = frame.count() > 0 and "labyard-mod-loading" not in (frame.first.get_attribute("class") or "")
            shades.append(brightness(page, 800, 640))
            if len(shades) == 3:
                snap(page, "lab-14-starting-in-the-dark")
        snap(page, "lab-15-dark")
        assert len(shades) > 5
        shades.extend(brightness(page, 800, 640) for _ in range(20))  # and while TensorBoard's own page fills
        assert max(shades) < 128, shades
        expect(tool_frame(page, "TensorBoard · dark").get_by_text("No dashboards are active").first).to_be_visible()
        snap(page, "lab-16-dark-tensorboard")
    finally:
        lab.server.put("lab/api/settings/@jupyterlab/apputils-extension:themes", json={"raw": "{}"}).raise_for_status()


def brightness(page: Page, x: int, y: int) -> int:
    """Return how bright the pixel is, from 0 to 255."""
    png = page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    _, red, green, blue = zlib.decompress(data)[:4]
    return max(red, green, blue)
