"""Three people on one project at once, as they see it: made, a colleague added, edited together, a tool and a model shared, a member removed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import snap
from tests.browser.test_story import contents, tool_frame
from tests.integration.kernels import KernelConnection
from tests.platform import Browserless, RunningPlatform, is_root, open_temporary_folder, start_platform, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not is_root(), reason="isolation needs root: without it the kernel enforces nothing"),
]

PASSWORD = "correct horse battery"
LIMIT_SECONDS = 10
TRAIN = """
import mlflow, mlflow.sklearn
from sklearn.linear_model import LogisticRegression
with mlflow.start_run() as run:
    mlflow.log_metric("accuracy", 0.75)
    mlflow.sklearn.log_model(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), name="model", registered_model_name="iris", input_example=[[0.5]])
print(run.info.run_id)
"""


LOAD = """
import mlflow.pyfunc
print("prediction", mlflow.pyfunc.load_model("labyard:/vision/iris/1").predict([[0.9]]))
"""


@dataclass
class Person:
    name: str
    page: Any
    """Their browser's page; nothing for somebody without a browser."""
    session: Browserless
    running: RunningPlatform

    def run(self, code: str, folder: str = "") -> str:
        """Run code in a new kernel of the person's own server, in a folder there; a failure's text comes back too."""
        token = self.session.token(self.name)
        server = self.running.client(f"user/{self.name}/", token)
        body = {"name": "python3"}
        path = f"{folder}/kernel.ipynb" if folder else "kernel.ipynb"
        made = server.post("api/sessions", json={"path": path, "type": "notebook", "name": "x", "kernel": body}).raise_for_status().json()
        kernel = made["kernel"]["id"]
        try:
            with KernelConnection(f"{self.running.url}user/{self.name}/", kernel, token) as connection:
                output = connection.run(code)
                return output.text or output.error
        finally:
            server.delete(f"api/sessions/{made['id']}")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("tools: {enabled: [tensorboard, mlflow]}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            for name in ("ada", "bob", "carol"):
                running.add_user(name, PASSWORD)
            yield running


def sign_in(page: Page, running: RunningPlatform, name: str) -> None:
    page.goto(f"{running.url}hub/login?next=/hub/user-redirect/lab")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".jp-Launcher").first).to_be_visible(timeout=120_000)


@pytest.fixture
def people(running: RunningPlatform, new_context: Callable[..., BrowserContext]) -> dict[str, Person]:
    sessions = {name: running.session(name, PASSWORD) for name in ("ada", "bob", "carol")}
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda item: item[1].start_server(item[0]), sessions.items()))
    found = {}
    for name, session in sessions.items():
        page = new_context().new_page()
        sign_in(page, running, name)
        found[name] = Person(name, page, session, running)
    return found


def panel(page: Page) -> None:
    """Show the panel of projects."""
    if not page.locator("#labyard-projects").is_visible():
        page.locator('.jp-SideBar .lm-TabBar-tab[data-id="labyard-projects"]').click()
    expect(page.locator("#labyard-projects")).to_be_visible()


def project_of(page: Page, title: str) -> None:
    """Open a project in the panel."""
    panel(page)
    head = page.get_by_role("button", name=re.compile(f"^{title}"))
    if head.get_attribute("aria-expanded") != "true":
        head.click()


def add(page: Page, name: str, role: str) -> None:
    page.get_by_role("combobox", name="Add a person").fill(name[:2])
    page.get_by_role("option", name=name).click()
    page.get_by_label("Role of the new member").select_option(role)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label(f"Role of {name}")).to_be_visible()


def open_together(page: Page) -> Page:
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Open together").click()
    together = popup.value
    expect(together.locator(".jp-DirListing").first).to_be_visible(timeout=120_000)
    return together


def open_document(page: Page, name: str) -> None:
    page.locator(".jp-DirListing-item[data-isdir]", has_text=name).dblclick()
    expect(page.locator(".cm-content").locator("visible=true").first).to_be_visible(timeout=60_000)


def text_of(page: Page) -> str:
    return page.locator(".cm-content").locator("visible=true").first.inner_text()


def test_three_people(people: dict[str, Person]) -> None:
    ada, bob, carol = people["ada"], people["bob"], people["carol"]

    # ada makes a project and a document in it.
    panel(ada.page)
    ada.page.get_by_role("button", name="New project").first.click()
    ada.page.get_by_label("Display name").fill("Vision")
    ada.page.get_by_role("button", name="Create", exact=True).click()
    expect(ada.page.get_by_role("button", name=re.compile("^Vision"))).to_be_visible()
    assert contents(ada.page, "PUT", "projects/vision/plan.md", {"type": "file", "format": "text", "content": "The plan\n"}) is not None
    snap(ada.page, "three-01-project")

    # Her colleagues are added while their servers run, and see the folder without a restart.
    project_of(ada.page, "Vision")
    add(ada.page, "bob", "editor")
    add(ada.page, "carol", "viewer")
    snap(ada.page, "three-02-members")
    for person in (bob, carol):
        assert contents(person.page, "GET", "projects/vision/plan.md") == "The plan\n"
        panel(person.page)
        person.page.get_by_role("button", name="Refresh").click()
        project_of(person.page, "Vision")
    expect(carol.page.get_by_role("button", name="Add", exact=True)).to_be_disabled()
    snap(carol.page, "three-03-viewer")

    # ada and bob edit one document; carol looks on.
    together = {person.name: open_together(person.page) for person in (ada, bob, carol)}
    rooms: list[Any] = []
    together["bob"].on("websocket", lambda socket: rooms.append(socket) if "/collaboration/room/" in socket.url else None)
    for page in together.values():
        open_document(page, "plan.md")
    together["ada"].locator(".cm-content").locator("visible=true").first.click()
    together["ada"].keyboard.press("Control+End")
    together["ada"].keyboard.type("written by ada ")
    expect(together["bob"].locator(".cm-content").first).to_contain_text("written by ada")
    expect(together["carol"].locator(".cm-content").first).to_contain_text("written by ada")
    together["bob"].locator(".cm-content").locator("visible=true").first.click()
    together["bob"].keyboard.press("Control+End")
    together["bob"].keyboard.type("and by bob")
    expect(together["ada"].locator(".cm-content").first).to_contain_text("and by bob")
    # Each sees where the other is.
    expect(together["ada"].locator(".jp-remote-cursor, .cm-ySelectionCaret, .cm-yLineSelection").first).to_be_attached()
    snap(together["ada"], "three-04-together")

    # What carol types reaches nobody, and no file.
    together["carol"].locator(".cm-content").locator("visible=true").first.click()
    together["carol"].keyboard.press("Control+End")
    together["carol"].keyboard.type("carol was here")
    together["ada"].keyboard.type(" later")
    expect(together["bob"].locator(".cm-content").first).to_contain_text("later")
    assert "carol" not in text_of(together["ada"])
    wait_until(lambda: "later" in (contents(ada.page, "GET", "projects/vision/plan.md") or ""), "the document is saved", 30)
    assert "carol" not in (contents(ada.page, "GET", "projects/vision/plan.md") or "")
    snap(together["carol"], "three-05-looks-on")

    # A running TensorBoard of ada's is passed on.
    assert contents(ada.page, "PUT", "projects/vision/runs", {"type": "directory"}) is not None
    ada.page.bring_to_front()
    ada.run(
        "from tensorboardX import SummaryWriter\nwith SummaryWriter('runs/first') as writer:\n    writer.add_scalar('loss', 0.5, 1)",
        "projects/vision",
    )
    ada.page.evaluate("document.activeElement?.blur()")
    share_tensorboard(ada.page)
    bob.page.bring_to_front()
    bob.page.get_by_role("button", name="Refresh").click()
    bob.page.get_by_role("button", name=re.compile("^Shared tools")).click()
    with bob.page.expect_popup() as popup:
        bob.page.get_by_role("link", name=re.compile("TensorBoard")).or_(
            bob.page.get_by_role("button", name=re.compile("^Open TensorBoard"))
        ).first.click()
    # It is ada's server that bob visits: he is asked, and told what she learns.
    popup.value.get_by_role("button", name="Allow").click()
    expect(popup.value.get_by_text("loss").first).to_be_visible(timeout=90_000)
    snap(popup.value, "three-06-shared-tool")
    shared_url = popup.value.url

    # A model goes to somebody outside, who loads it with one line.
    output = ada.run(TRAIN, "projects/vision")
    assert re.search(r"^[0-9a-f]{32}$", output, re.MULTILINE), output
    dan = outsider(ada.running)
    assert "prediction [" not in dan.run(LOAD)
    ada.page.bring_to_front()
    share_model(ada.page, "iris", "dan")
    assert wait_until(lambda: "prediction [1]" in dan.run(LOAD), "dan loads the model", LIMIT_SECONDS + 20)
    ada.page.get_by_role("button", name="Stop sharing iris with dan").click()
    expect(ada.page.get_by_role("button", name="Stop sharing iris with dan")).to_have_count(0)
    wait_until(lambda: "prediction [" not in dan.run(LOAD), "dan loads it no longer", LIMIT_SECONDS + 20)

    # bob is removed, and is out within seconds: files, the project's server, the shared tool.
    ada.page.bring_to_front()
    project_of(ada.page, "Vision")
    role = ada.page.get_by_label("Role of bob")
    role.select_option("viewer")  # it would stop the server, so it asks
    expect(ada.page.get_by_role("dialog")).to_contain_text("server stops: kernels and terminals in it end")
    ada.page.get_by_role("button", name="Cancel", exact=True).click()
    expect(role).to_have_value("editor")
    ada.page.get_by_role("button", name="Remove bob").click()
    expect(ada.page.get_by_role("dialog")).to_contain_text("server stops")
    ada.page.get_by_role("button", name="Remove", exact=True).click()
    expect(ada.page.get_by_label("Role of bob")).to_have_count(0)
    wait_until(lambda: contents(bob.page, "GET", "projects/vision/plan.md") is None, "bob's files are gone", LIMIT_SECONDS)
    wait_until(lambda: contents(together["bob"], "GET", "plan.md") is None, "bob is out of the server", LIMIT_SECONDS)
    wait_until(
        lambda: popup.value.evaluate("url => fetch(url, {redirect: 'manual'}).then(answer => answer.status)", shared_url) != 200,
        "bob is out of the tool",
        LIMIT_SECONDS,
    )
    wait_until(
        lambda: together["bob"].evaluate("true") and all(room.is_closed() for room in rooms), "bob is out of the document", LIMIT_SECONDS
    )
    assert rooms
    gone = together["bob"].get_by_role(
        "alertdialog", name=re.compile("You are no longer in vision|The server of vision has stopped", re.IGNORECASE)
    )
    expect(gone.get_by_role("link", name="Home")).to_be_focused()
    together["bob"].keyboard.type("still here")
    # The server stopped with all that bob may have left in it. ada opens it again.
    together["ada"].close()
    together["ada"] = open_together(ada.page)
    open_document(together["ada"], "plan.md")
    together["ada"].locator(".cm-content").locator("visible=true").first.click()
    together["ada"].keyboard.press("Control+End")
    together["ada"].keyboard.type(" end")
    wait_until(lambda: "end" in (contents(ada.page, "GET", "projects/vision/plan.md") or ""), "the document is saved", 30)
    assert "still here" not in (contents(ada.page, "GET", "projects/vision/plan.md") or "")
    snap(together["bob"], "three-08-removed")


def outsider(running: RunningPlatform) -> Person:
    """Somebody in no project, whose server runs."""
    running.add_user("dan", PASSWORD)
    session = running.session("dan", PASSWORD)
    session.start_server("dan")
    return Person("dan", None, session, running)


def share_model(page: Page, model: str, person: str) -> None:
    """Share a model with a person, in the panel."""
    project_of(page, "Vision")
    page.get_by_role("button", name=re.compile("^Shared models")).first.click()
    page.get_by_role("button", name="Share a model").click()
    page.get_by_label("Registered model").fill(model)
    page.get_by_label("Kind of whom to share it with").select_option("user")
    page.get_by_label("Share it with", exact=True).fill(person)
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("button", name=f"Stop sharing {model} with {person}")).to_be_visible()
    snap(page, "three-07-shared-model")


def share_tensorboard(page: Page) -> None:
    """Open TensorBoard on the project's runs from the file browser, and share it with the project."""
    page.locator('.jp-SideBar .lm-TabBar-tab[data-id="filebrowser"]').click()
    for folder in ("projects", "vision"):
        page.locator(".jp-DirListing-item", has_text=folder).first.dblclick()
    page.locator(".jp-DirListing-item", has_text="runs").click(button="right")
    page.get_by_role("menuitem", name="Open in TensorBoard").click()
    expect(tool_frame(page, "TensorBoard").get_by_text("loss").first).to_be_visible(timeout=90_000)
    page.get_by_role("button", name=re.compile("^Share")).first.click()
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_label("Link", exact=True)).to_have_value(re.compile("/services/labyard/projects/vision/tools/"))
    page.get_by_role("button", name="Close", exact=True).click()
    panel(page)
