"""The panel "Projects" of JupyterLab on a real platform: by mouse and by keyboard, as an owner and as a viewer, light and dark, wide and narrow."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from labyard.permissions import Role, capabilities_of
from tests.browser.conftest import run_in_palette, snap
from tests.platform import RunningPlatform, open_temporary_folder, start_platform

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"
PEOPLE = ("ada", "bob", "carol", "alan-turing", "albert")
START_MILLISECONDS = 60_000
PANEL = "#labyard-projects"
SERVICE = "**/labyard/api/v1/platform/**"
DOWN = {"error": {"code": "platform_unavailable", "message": "the labyard service does not answer"}}

NewContext = Callable[..., BrowserContext]


@dataclass
class Office:
    """A platform, and everybody's sign-in."""

    running: RunningPlatform
    sign_in: dict[str, dict[str, Any]] = field(default_factory=dict)
    service: dict[str, httpx.Client] = field(default_factory=dict)

    def open(self, new_context: NewContext, name: str, **options: object) -> Page:
        """Open JupyterLab as `name`, with the panel in front."""
        context = new_context(storage_state=self.sign_in[name], **options)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(f"{self.running.url}user/{name}/lab/workspaces/w{time.time_ns()}?reset")
        expect(page.locator(".jp-Launcher").first).to_be_visible(timeout=START_MILLISECONDS)
        page.locator('.jp-SideBar .lm-TabBar-tab[data-id="labyard-projects"]').click()
        expect(page.locator(PANEL)).to_be_visible()
        return page

    def make(self, name: str, *, owner: str = "ada", display_name: str | None = None, **members: str) -> str:
        """Make a project, and return its identifier."""
        made = self.ask(owner, "POST", "projects", {"name": name, "display_name": display_name, "description": f"About {name}."})
        for user, role in members.items():
            self.ask(owner, "POST", f"projects/{name}/members", {"user": user, "role": role})
        return str(made["id"])

    def ask(self, user: str, method: str, path: str, body: Any = None) -> Any:
        answer = self.service[user].request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def members(self, name: str) -> dict[str, str]:
        return {one["user"]: one["role"] for one in self.ask("ada", "GET", f"projects/{name}/members")["members"]}


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("tools: {enabled: [tensorboard]}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            office = Office(running)
            for name in PEOPLE:
                running.add_user(name, PASSWORD)
            for name in ("ada", "bob"):
                session = running.session(name, PASSWORD)
                office.service[name] = running.client("services/labyard/api/v1/", session.token(name))
                session.start_server(name)
                cookies = [
                    {"name": one.name, "value": one.value, "domain": one.domain, "path": one.path,
                     "expires": -1, "httpOnly": True, "secure": one.name.startswith("__Host-"), "sameSite": "Lax"}
                    for one in session.http.cookies.jar
                ]  # fmt: skip
                office.sign_in[name] = {"cookies": cookies, "origins": []}
            yield office


@pytest.fixture(autouse=True)
def no_projects(office: Office) -> Iterator[None]:
    """Begin and end with none."""
    yield
    for name in ("ada", "bob"):
        for project in office.ask(name, "GET", "projects?state=all&limit=500")["projects"]:
            if project["role"] == "owner":
                office.ask(name, "DELETE", f"projects/{project['name']}?confirm={project['name']}")


def faults(page: Page, part: str = PANEL) -> list[str]:
    """Return what axe-core has against a part of the page."""
    found = Axe().run(page, part, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found.response["violations"]]


def head(page: Page, title: str) -> Locator:
    return page.locator(PANEL).get_by_role("button", name=re.compile(f"^{title}"))


def section(page: Page, title: str) -> Locator:
    return page.locator(f"{PANEL} .labyard-Project-body").get_by_role("button", name=re.compile(f"^{title}"))


def focused(page: Page) -> str:
    """Return what the keyboard is on: its label or text."""
    text = "document.activeElement === document.body ? '' : (document.activeElement.ariaLabel ?? document.activeElement.innerText)"
    return " ".join(str(page.evaluate(text)).split())


def described(field_: Locator) -> str:
    """Return the texts that a screen reader adds to a field."""
    return str(
        field_.evaluate(
            "node => (node.getAttribute('aria-describedby') ?? '').split(' ').map(id => document.getElementById(id)?.innerText).join(' ')"
        )
    )


def fault(field_: Locator) -> str:
    """Wait until a field is marked as wrong, and return what stands at it."""
    expect(field_).to_have_attribute("aria-invalid", "true")
    return described(field_)


def set_dark(page: Page) -> None:
    page.get_by_role("menuitem", name="Settings").click()
    page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    page.get_by_text("JupyterLab Dark", exact=True).click()
    expect(page.locator("body[data-jp-theme-light=false]")).to_be_attached()


def test_a_project_is_made_and_a_colleague_added(office: Office, new_context: NewContext) -> None:
    page = office.open(new_context, "ada")
    panel = page.locator(PANEL)
    expect(panel.get_by_text("You are in no project yet.")).to_be_visible()
    assert faults(page) == []
    snap(page, "panel-01-nothing-yet")

    # What is wrong with a name stands at the name, and for screen readers too.
    panel.get_by_role("button", name="Create a project").click()
    panel.get_by_label("Display name").fill("Road signs")
    name = panel.get_by_label("Name", exact=True)
    expect(name).to_have_value("road-signs")
    name.fill("Road signs")
    panel.get_by_role("button", name="Create", exact=True).click()
    assert "only small letters" in fault(name)
    assert faults(page) == []
    snap(page, "panel-02-wrong-name")
    name.fill("road-signs")
    panel.get_by_label("Description").fill("Signs from the cameras of the new cars.")
    panel.get_by_role("button", name="Create", exact=True).click()
    expect(head(page, "Road signs")).to_have_attribute("aria-expanded", "true")
    expect(head(page, "Road signs")).to_be_focused()
    assert office.members("road-signs") == {"ada": "owner"}

    # A second one of that name is refused at the field too.
    panel.get_by_role("button", name="New project").click()
    panel.get_by_label("Name", exact=True).fill("road-signs")
    panel.get_by_role("button", name="Create", exact=True).click()
    expect(panel.get_by_text("A project named 'road-signs' exists already.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel.get_by_role("button", name="New project")).to_be_focused()

    # Names complete while one types.
    person = panel.get_by_role("combobox", name="Add a person", exact=True)
    person.press_sequentially("al")
    options = panel.get_by_role("listbox").get_by_role("option")
    expect(options).to_have_count(2)
    assert faults(page) == []
    snap(page, "panel-03-completion")
    options.filter(has_text="alan-turing").click()
    expect(person).to_have_value("alan-turing")
    panel.get_by_label("Role of the new member").select_option("viewer")
    panel.get_by_role("button", name="Add", exact=True).click()
    expect(panel.get_by_label("Role of alan-turing")).to_have_value("viewer")
    assert office.members("road-signs")["alan-turing"] == "viewer"

    # Nobody of that name, somebody who is there, and no name at all: each at the field.
    for text, problem in (
        ("nobody-here", "There is no user named 'nobody-here'"),
        ("alan-turing", "alan-turing is in 'road-signs' already"),
    ):
        person.fill(text)
        page.keyboard.press("Escape")
        panel.get_by_role("button", name="Add", exact=True).click()
        assert problem in fault(person)
    person.fill("")
    person.press("Enter")
    assert "Type the name" in fault(person)

    panel.get_by_label("Role of alan-turing").select_option("editor")
    section(page, "Activity").click()
    expect(panel.get_by_role("list", name="Activity in Road signs").get_by_text(re.compile("alan-turing.*editor"))).to_be_visible()
    assert office.members("road-signs")["alan-turing"] == "editor"
    assert faults(page) == []
    snap(page, "panel-04-members")

    # Removing asks once and says what is lost; what is careful has the focus.
    panel.get_by_role("button", name="Remove alan-turing").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("alan-turing loses the files in projects/road-signs")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    snap(page, "panel-05-remove")
    dialog.get_by_role("button", name="Remove", exact=True).click()
    expect(panel.get_by_label("Role of alan-turing")).to_have_count(0)
    assert office.members("road-signs") == {"ada": "owner"}
    assert focused(page) != ""


def test_links_settings_and_the_end_of_a_project(office: Office, new_context: NewContext) -> None:
    office.make("vision", display_name="Computer vision", bob="editor")
    page = office.open(new_context, "ada")
    panel = page.locator(PANEL)
    head(page, "Computer vision").click()
    section(page, "Links to join").click()
    panel.get_by_label("How long the link works").select_option("86400")
    panel.get_by_role("button", name="Make link").click()
    expect(panel.get_by_text(re.compile("ends (tomorrow|in 24 hr)"))).to_be_visible()
    panel.get_by_role("button", name="Copy the link").click()
    (link,) = office.ask("ada", "GET", "projects/vision/links")["links"]
    assert page.evaluate("navigator.clipboard.readText()") == office.running.url.rstrip("/") + link["url"]
    snap(page, "panel-06-links")
    panel.get_by_role("button", name="Revoke the link").click()
    expect(panel.get_by_role("button", name="Revoke the link")).to_have_count(0)
    assert office.ask("ada", "GET", "projects/vision/links")["links"] == []
    assert focused(page) != ""
    section(page, "Links to join").click()

    section(page, "Shared models").click()
    panel.get_by_role("button", name="Share a model …").click()
    panel.get_by_role("button", name="Share", exact=True).click()
    assert "Type the name of a registered model" in fault(panel.get_by_label("Registered model"))
    panel.get_by_label("Registered model").fill("detector")
    panel.get_by_label("Kind of whom to share it with").select_option("user")
    panel.get_by_role("textbox", name="Share it with").fill("nobody-here")
    panel.get_by_role("button", name="Share", exact=True).click()
    assert "named 'nobody-here'" in fault(panel.get_by_role("textbox", name="Share it with"))
    panel.get_by_role("button", name="Cancel").click()
    section(page, "Shared models").click()

    section(page, "Settings").click()
    panel.get_by_label("Display name").fill("")
    panel.get_by_role("button", name="Save").click()
    assert "needs a display name" in fault(panel.get_by_label("Display name"))
    panel.get_by_label("Display name").fill("Sight")
    panel.get_by_role("button", name="Save").click()
    expect(head(page, "Sight")).to_be_visible()
    assert faults(page) == []
    panel.get_by_role("button", name="Leave …").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()
    expect(panel.get_by_text("is the last owner of 'vision'.")).to_be_visible()
    snap(page, "panel-07-last-owner")

    panel.get_by_role("button", name="Archive …").click()
    page.get_by_role("dialog").get_by_role("button", name="Archive", exact=True).click()
    expect(panel.get_by_role("button", name="Restore")).to_be_visible()
    together = panel.get_by_role("button", name="Open together")
    expect(together).to_have_attribute("aria-disabled", "true")
    assert described(together) == "This project is archived. Restore it first."
    assert faults(page) == []
    snap(page, "panel-08-archived")
    panel.get_by_role("button", name="Restore").click()
    expect(panel.get_by_role("button", name="Archive …")).to_be_visible()

    panel.get_by_role("button", name="Hand over …").click()
    expect(page.get_by_role("dialog")).to_contain_text("bob becomes an owner in your place")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    panel.get_by_role("button", name="Delete …").click()
    confirmation = panel.get_by_label("Type vision to delete it")
    confirmation.fill("sight")
    confirmation.press("Enter")
    assert "This is not its name" in fault(confirmation)
    snap(page, "panel-09-delete")
    confirmation.fill("vision")
    confirmation.press("Enter")
    expect(panel.get_by_text("You are in no project yet.")).to_be_visible()
    assert focused(page) != ""


def test_a_viewer_sees_what_they_cannot_do_and_why(office: Office, new_context: NewContext) -> None:
    office.make("vision", bob="viewer")
    page = office.open(new_context, "bob")
    panel = page.locator(PANEL)
    head(page, "vision").click()
    expect(panel.get_by_label("Role of ada")).to_be_disabled()
    reason = "Only owners can do this, and you are a viewer here."
    for control in (
        panel.get_by_role("button", name="Remove ada"),
        panel.get_by_label("Role of ada"),
        panel.get_by_role("combobox", name="Add a person", exact=True),
        panel.get_by_role("button", name="Add", exact=True),
    ):
        expect(control).to_be_disabled()
        assert described(control) == reason
    assert panel.get_by_role("button", name="Remove ada").get_attribute("title") == reason
    section(page, "Links to join").click()
    expect(panel.get_by_text(reason, exact=True).locator("visible=true").first).to_be_visible()
    section(page, "Settings").click()
    expect(panel.get_by_role("button", name="Delete …")).to_be_disabled()
    expect(panel.get_by_role("button", name="Leave …")).to_be_enabled()
    # Using one all the same does nothing.
    panel.get_by_role("button", name="Remove ada").click(force=True)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert faults(page) == []
    snap(page, "panel-10-viewer")

    # A new role is there at the next look, with nothing folded or scrolled away.
    office.ask("ada", "PATCH", "projects/vision/members/bob", {"role": "owner"})
    panel.get_by_role("button", name="Refresh projects").click()
    expect(panel.get_by_role("button", name="Delete …")).to_be_enabled()
    expect(section(page, "Links to join")).to_have_attribute("aria-expanded", "true")

    # One's own removal by somebody else takes the project away.
    office.ask("ada", "DELETE", "projects/vision/members/bob")
    panel.get_by_role("button", name="Refresh projects").click()
    expect(panel.get_by_text("You are in no project yet.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_errors_of_servers_and_service_are_pages_with_a_way_on(office: Office, new_context: NewContext, scheme: str) -> None:
    page = new_context(storage_state=office.sign_in["ada"], color_scheme=scheme).new_page()
    for name, path, heading, words in (
        ("file-404", "user/ada/files/nowhere.txt", "There is nothing here", "moved or removed"),
        ("own-404", "user/ada/nowhere", "There is nothing here", "mistyped"),
        ("tool-404", "user/ada/labyard/tools/tensorboard/", "There is nothing here", "No tool runs"),
        ("others-403", "user/bob/lab", "This is not allowed", "This server belongs to bob, who has not shared it with you."),
        ("others-api-403", "user/bob/api/status", "This is not allowed", "Ask its owner"),
        ("service-404", "services/labyard/nope", "There is nothing here", "nothing at this address"),
    ):
        page.goto(office.running.url + path)
        expect(page.get_by_role("heading", level=1), name).to_have_text(heading)
        expect(page.get_by_role("main").get_by_role("link", name="Home")).to_have_attribute("href", re.compile("/hub/home$"))
        expect(page.get_by_role("main")).to_contain_text(words)
        if "user/ada/" in path:
            expect(page.get_by_role("link", name="Open JupyterLab")).to_have_attribute("href", re.compile("/user/ada/lab$"))
        if "user/" in path and "api" not in path:  # there it is known who it is
            page.locator("summary", has_text="ada").click()
            expect(page.get_by_role("link", name="Sign out").or_(page.get_by_role("button", name="Sign out"))).to_be_visible()
        assert faults(page, "body") == []
        snap(page, f"error-{name}-{scheme}")


def test_show_projects_takes_the_keyboard_from_the_editor(office: Office, new_context: NewContext) -> None:
    office.make("images")
    page = office.open(new_context, "ada")
    page.locator('.jp-SideBar .lm-TabBar-tab[data-id="filebrowser"]').click()
    page.locator(".jp-LauncherCard", has_text="Python File").first.click()
    editor = page.locator(".cm-content").locator("visible=true").first
    editor.click()
    page.keyboard.type("x = 1")
    run_in_palette(page, "Show Projects", page.locator(PANEL))
    filter_field = page.locator(PANEL).get_by_role("searchbox", name="Filter projects")
    expect(filter_field).to_be_focused()
    page.keyboard.type("imag")
    expect(filter_field).to_have_value("imag")
    expect(editor).to_have_text("x = 1")


def test_what_is_open_here_is_opened_together_and_closed_here(office: Office, new_context: NewContext) -> None:
    office.make("vision")
    page = office.open(new_context, "ada")
    panel = page.locator(PANEL)
    head(page, "vision").click()
    panel.get_by_role("button", name="Files").click()
    expect(page.locator(".jp-BreadCrumbs")).to_contain_text("vision")
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.locator('.lm-Menu-item[data-type="submenu"]', has_text="New").first.hover()
    page.get_by_role("menuitem", name="Text File").click()
    editor = page.locator(".cm-content").locator("visible=true").first
    editor.click()
    page.keyboard.type("of ada")
    page.locator('.jp-SideBar .lm-TabBar-tab[data-id="labyard-projects"]').click()
    with page.expect_popup() as popup:
        panel.get_by_role("button", name="Open together").click()
    expect(popup.value.locator(".cm-content").locator("visible=true").first).to_contain_text("of ada", timeout=START_MILLISECONDS)
    expect(page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="untitled")).to_have_count(0)


def test_by_keyboard_alone(office: Office, new_context: NewContext) -> None:
    office.make("ranking")
    office.make("vision", bob="editor")
    page = office.open(new_context, "ada")
    panel = page.locator(PANEL)
    expect(head(page, "vision")).to_be_visible()
    run_in_palette(page, "New Project", panel.get_by_label("Display name"))
    expect(panel.get_by_label("Display name")).to_be_focused()
    page.keyboard.type("Alpha")
    page.keyboard.press("Enter")
    expect(head(page, "Alpha")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(head(page, "Alpha")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("End")
    expect(head(page, "vision")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(head(page, "ranking")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(panel.get_by_label("Role of bob")).to_be_visible()

    # On to the field for people, by Tab alone.
    for _ in range(20):
        if focused(page) == "Add a person":
            break
        page.keyboard.press("Tab")
    assert focused(page) == "Add a person"
    person = panel.get_by_role("combobox", name="Add a person", exact=True)
    page.keyboard.type("al")
    options = panel.get_by_role("listbox").get_by_role("option")
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert person.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(person).to_have_value("al")
    page.keyboard.press("ArrowDown")
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(person).to_have_value("albert")
    page.keyboard.press("Enter")
    expect(panel.get_by_label("Role of albert")).to_be_visible()
    expect(person).to_be_focused()

    # The focus stays where it is when the panel reads everything again.
    panel.get_by_label("Role of bob").focus()
    office.ask("ada", "POST", "projects/vision/members", {"user": "carol", "role": "viewer"})
    page.evaluate("document.querySelector('[aria-label=\"Refresh projects\"]').click()")
    expect(panel.get_by_label("Role of carol")).to_be_visible()
    expect(panel.get_by_label("Role of bob")).to_be_focused()

    # Removed by keyboard; the keyboard goes on from the next one.
    page.keyboard.press("Tab")
    assert focused(page) == "Remove bob"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(panel.get_by_label("Role of bob")).to_have_count(0)
    page.wait_for_function("document.activeElement !== document.body")
    assert page.evaluate(f"document.querySelector('{PANEL} .labyard-Rows').contains(document.activeElement)")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 800])
def test_themes_and_widths(office: Office, new_context: NewContext, theme: str, width: int) -> None:
    office.make("vision", display_name="Computer vision for road signs", **{"bob": "editor", "carol": "viewer", "alan-turing": "owner"})
    office.make("ranking", display_name="Ranking")
    office.ask("ada", "POST", "projects/vision/links", {"role": "viewer"})
    page = office.open(new_context, "ada", viewport={"width": width, "height": 800})
    if theme == "dark":
        set_dark(page)
    head(page, "Computer vision").click()
    for title in ("Links to join", "Shared tools", "Shared models", "Activity", "Settings"):
        section(page, title).click()
    page.locator(PANEL).get_by_role("button", name="Models shared with you").click()
    page.locator(PANEL).get_by_role("button", name="New project").click()
    expect(page.locator(PANEL).get_by_role("button", name="Revoke the link")).to_be_visible()
    expect(page.locator(PANEL).get_by_text("Nobody shares a model with you")).to_be_visible()
    assert faults(page) == []
    # Nothing is wider than the panel.
    assert page.evaluate(f"(node => node.scrollWidth <= node.clientWidth)(document.querySelector('{PANEL} .labyard-ProjectsPanel-scroll'))")
    page.locator(PANEL).get_by_role("button", name="Cancel").click()
    page.mouse.move(600, 400)
    snap(page, f"panel-11-{theme}-{width}")
    if theme == "dark":
        page.get_by_role("menuitem", name="Settings").click()
        page.locator(".lm-Menu-item", has_text="Theme").first.hover()
        page.get_by_text("JupyterLab Light", exact=True).click()
        expect(page.locator("body[data-jp-theme-light=true]")).to_be_attached()


def test_the_service_is_away_and_comes_back(office: Office, new_context: NewContext) -> None:
    office.make("vision")
    page = office.open(new_context, "ada")
    panel = page.locator(PANEL)
    expect(head(page, "vision")).to_be_visible()
    page.route(SERVICE, lambda route: route.fulfill(status=503, json=DOWN))
    panel.get_by_role("button", name="Refresh projects").click()
    expect(panel.get_by_text("The labyard service does not answer.")).to_be_visible()
    expect(head(page, "vision")).to_be_visible()
    expect(panel.get_by_text("What you see may be old.")).to_be_visible()
    assert faults(page) == []
    snap(page, "panel-12-service-away")
    panel.get_by_role("button", name="Try again").click()  # in vain, so it stays
    expect(panel.get_by_role("button", name="Try again")).to_be_visible()
    # What is typed is not lost by a failure.
    panel.get_by_role("button", name="New project").click()
    panel.get_by_label("Display name").fill("Signs")
    panel.get_by_role("button", name="Create", exact=True).click()
    expect(panel.locator(".labyard-Create").get_by_role("alert")).to_be_visible()
    page.unroute(SERVICE)
    panel.get_by_role("button", name="Create", exact=True).click()
    expect(head(page, "Signs")).to_be_visible()
    panel.get_by_role("button", name="Refresh projects").click()  # it may have tried by itself meanwhile
    expect(panel.get_by_text("The labyard service does not answer.")).to_have_count(0)


def test_a_tool_is_shared(office: Office, new_context: NewContext) -> None:
    office.make("vision")
    page = office.open(new_context, "ada")
    page.locator(".jp-LauncherCard", has_text="TensorBoard").first.click()
    share = page.get_by_role("button", name="Share with project")
    expect(share).to_be_enabled(timeout=START_MILLISECONDS)
    for _ in range(2):  # The second time it is known already, and the same link is shown.
        share.click()
        page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
        link = page.get_by_label("Link", exact=True)
        expect(link).to_have_value(re.compile("/services/labyard/projects/vision/tools/"))
        assert faults(page, ".jp-Dialog") == []
        address = link.input_value()
        page.get_by_role("dialog").get_by_role("button", name="Copy link").click()
    assert page.evaluate("navigator.clipboard.readText()") == address
    (known,) = office.ask("ada", "GET", "projects/vision/tools")["tools"]
    assert address == office.running.url.rstrip("/") + known["url"]
    panel = page.locator(PANEL)
    head(page, "vision").click()
    section(page, "Shared tools").click()
    panel.get_by_role("button", name="Stop sharing TensorBoard").click()
    expect(panel.get_by_text("Nothing is shared now.")).to_be_visible()
    assert focused(page) != ""


def test_files_and_the_projects_own_server(office: Office, new_context: NewContext) -> None:
    identifier = office.make("vision", bob="viewer")
    for name, text in (("ada", "Everybody in the project works here together."), ("bob", "You can look; changes are not kept.")):
        page = office.open(new_context, name)
        panel = page.locator(PANEL)
        head(page, "vision").click()
        with page.expect_popup() as popup:
            panel.get_by_role("button", name="Open together").click()
        together = popup.value
        bar = together.get_by_role("region", name="Project")
        expect(bar).to_contain_text(text, timeout=START_MILLISECONDS)
        expect(bar).to_contain_text("vision")
        assert faults(together, "#labyard-visit") == []
        expect(together.locator(".jp-Launcher").first).to_be_visible(timeout=START_MILLISECONDS)
        snap(together, f"panel-13-together-{name}")
        # A project's server offers no projects: nobody's right to the service passes through it.
        expect(together.locator('.jp-SideBar .lm-TabBar-tab[data-id="labyard-projects"]')).to_have_count(0)
        assert together.evaluate(f"fetch('/user/{identifier}/labyard/api/v1/platform/projects').then(answer => answer.status)") in (
            403,
            404,
        )
        expect(bar.get_by_role("link", name="Back to my own JupyterLab")).to_have_attribute("href", f"{office.running.url}hub/home")
        together.close()
        panel.get_by_role("button", name="Refresh projects").click()
        expect(panel.get_by_text("Its server is running")).to_be_visible()
        stop = panel.get_by_role("button", name="Stop the server of vision")
        if name == "bob":
            expect(stop).to_be_disabled()
            panel.get_by_role("button", name="Files").click()
            expect(page.get_by_role("region", name="File Browser Section").or_(page.locator(".jp-FileBrowser")).first).to_be_visible()
            expect(page.locator(".jp-BreadCrumbs")).to_contain_text("vision")


def test_a_thousand_projects_and_two_hundred_members(office: Office, new_context: NewContext) -> None:
    """A list that long is made up at the edge of the browser: it is about what the browser does with it."""
    moment = "2026-11-24T12:00:00Z"
    projects = [
        {"id": f"p{index:04}--p0123456789", "name": f"p{index:04}", "display_name": f"Project {index}", "description": "", "state": "active",
         "role": "owner", "capabilities": sorted(capabilities_of(Role.OWNER)), "member_count": 200, "some_members": ["ada", "bob"], "created_at": moment, "created_by": "ada", "updated_at": moment,
         "path": f"projects/p{index:04}", "workspace": "w"}
        for index in range(1000)
    ]  # fmt: skip
    members = [{"user": f"user{index}", "role": "editor", "added_at": moment, "added_by": "ada"} for index in range(200)]
    asked: list[str] = []

    def answer(route: Route) -> None:
        parts = urlsplit(route.request.url)
        asked.append(parts.path)
        if parts.path.endswith("/projects"):
            query = parse_qs(parts.query)
            start = int(query.get("cursor", ["0"])[0])
            end = start + int(query["limit"][0])
            route.fulfill(json={"projects": projects[start:end], "next_cursor": str(end) if end < len(projects) else None})
        elif parts.path.endswith("/members"):
            route.fulfill(json={"members": members})
        elif parts.path.endswith("/events"):
            route.fulfill(json={"events": [], "next_cursor": None})
        else:
            route.fulfill(json={"state": "stopped", "url": "/x", "started_at": None, "last_activity_at": None})

    page = office.open(new_context, "ada")
    page.route(SERVICE, answer)
    panel = page.locator(PANEL)
    panel.get_by_role("button", name="Refresh projects").click()
    rows = panel.locator(".labyard-Project")
    expect(rows).to_have_count(100)
    panel.locator(".labyard-ProjectsPanel-scroll").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    expect(rows).to_have_count(200)
    panel.get_by_role("searchbox", name="Filter projects").fill("Project 999")
    expect(rows).to_have_count(1)
    panel.get_by_role("searchbox", name="Filter projects").fill("")
    expect(rows).to_have_count(1000)
    panel.get_by_role("searchbox", name="Filter projects").fill("7")
    expect(rows).to_have_count(sum("7" in str(index) for index in range(1000)))
    panel.get_by_role("searchbox", name="Filter projects").fill("Project 500")
    rows.first.get_by_role("button").first.click()
    panel.get_by_role("button", name="Show all 200 members").click()
    name = panel.locator(".labyard-Member .labyard-Row-text", has_text="user123").first
    assert name.evaluate("node => node.scrollWidth <= node.clientWidth")  # at the panel's first width
    panel.get_by_role("searchbox", name="Filter members").fill("user19")
    expect(panel.locator(".labyard-Member")).to_have_count(11)
    panel.get_by_role("searchbox", name="Filter members").fill("")
    expect(panel.get_by_label("Role of user199")).to_be_attached()
    assert faults(page) == []
