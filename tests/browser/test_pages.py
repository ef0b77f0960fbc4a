"""The hub's pages in a real browser: what they do, how they look to axe-core, and without JavaScript."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from labyard_hub.backends.local.servers import list_servers
from tests.browser.conftest import snap
from tests.integration.pages_hub import PASSWORD, Client, Hub, start_hub
from tests.platform import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.browser]

START_TIMEOUT_MS = 90_000
Scheme = Literal["light", "dark"]
LOOKS = [("light", 1100), ("dark", 1100), ("light", 360), ("dark", 360)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with start_hub(tmp_path_factory.mktemp("hub") / "state") as running:
        running.store.add_user("ada", PASSWORD, admin=True)
        yield running


def cookies_of(client: Client) -> list[Any]:
    return [{"name": one.name, "value": one.value, "domain": "127.0.0.1", "path": one.path} for one in client.http.cookies.jar]


def context_of(browser: Browser, client: Client | None = None, **options: Any) -> BrowserContext:
    """Return a browser context that is signed in as `client` is."""
    context = browser.new_context(reduced_motion="reduce", **options)
    if client is not None:
        context.add_cookies(cookies_of(client))
    return context


def violations(page: Page, part: str | None = None) -> list[str]:
    """Return what axe-core has against the page as it is now, or only against the elements that match `part`."""
    found = Axe().run(page, part, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found.response["violations"]]


@pytest.fixture(scope="module")
def places(hub: Hub) -> dict[str, tuple[str, Client | None]]:
    """Every page by name: where it is, and who looks at it."""
    store = hub.store
    store.add_user("grace-hopper", PASSWORD)
    store.add_user("flop", PASSWORD)
    store.add_user("mute", PASSWORD)
    store.add_user("new", PASSWORD)
    invitation = store.create_invitation("barbara", True, 86400, "ada")
    store.create_reset("grace-hopper", 3600)
    ada, flop, new = hub.signed_in("ada"), hub.signed_in("flop"), hub.signed_in("new")
    mute = hub.signed_in("mute")
    for name in ("gone", "gone-too"):
        store.add_user(name, PASSWORD)
        (hub.state.homes / name).mkdir()
        assert ada.post(f"hub/admin/people/{name}/remove", "hub/admin").status_code == 302
    ada.api("POST", "users/ada/tokens", json={"note": "nightly"})
    assert ada.post("hub/spawn/ada", name="GPU tests", new="1", interface="lab").status_code == 302
    for name, client in (("flop", flop), ("mute", mute)):
        client.post(f"hub/spawn/{name}")
        wait_until(lambda name=name, client=client: "did not start" in client.get(f"hub/spawn-pending/{name}").text, "the start fails")
    wait_until(lambda: ada.api("GET", "users/ada").json()["servers"]["gpu-tests"]["ready"], "the server", 90)
    code = ada.api("POST", "share-codes/ada/gpu-tests", json={}).json()["code"]
    store.add_user("slow", PASSWORD)
    slow = hub.signed_in("slow")
    return {
        "login": ("hub/login", None),
        "invite": (f"hub/invite?token={invitation}", None),
        "link": ("hub/invite?token=none", None),
        "signed-out": ("hub/logout", None),
        "home-first": ("hub/home", new),
        "home": ("hub/home", ada),
        "home-failed": ("hub/home", flop),
        "failed": ("hub/spawn-pending/flop", flop),
        "failed-silently": ("hub/spawn-pending/mute", mute),
        "not-running": ("hub/user/ada/lab", ada),
        "spawn": ("hub/spawn/ada", ada),
        "spawn-new": ("hub/spawn?new=1", ada),
        "account": ("hub/account", ada),
        "token": ("hub/token", ada),
        "admin": ("hub/admin", ada),
        "remove": ("hub/admin/people/flop/remove", ada),
        "removed": ("hub/admin/removed", ada),
        "waiting": ("hub/spawn-pending/slow", slow),
        "oauth": ("hub/api/oauth2/authorize?client_id=service-app&response_type=code&redirect_uri=%2Fservices%2Fapp%2Fcallback", ada),
        "share": (f"hub/accept-share?code={code}", new),
        "not-found": ("hub/nowhere", ada),
        "forbidden": ("hub/admin", new),
    }


NAMES = (
    "login", "invite", "link", "signed-out", "home-first", "home", "home-failed", "failed", "failed-silently", "not-running", "spawn", "spawn-new",
    "account", "token", "admin", "remove", "removed", "waiting", "oauth", "share", "not-found", "forbidden",
)  # fmt: skip


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_accessible_and_fits(  # noqa: PLR0917  # pytest passes them by name
    browser: Browser, hub: Hub, places: dict[str, tuple[str, Client | None]], name: str, scheme: Scheme, width: int
) -> None:
    path, client = places[name]
    if name == "waiting" and client is not None:  # an earlier start may have been given up
        client.post("hub/spawn/slow")
    context = context_of(browser, client, color_scheme=scheme, viewport={"width": width, "height": 740})
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    answer = page.goto(hub.url + path)
    assert answer is not None
    if name == "waiting":  # as it is to be seen, with its steps told
        expect(page.locator(".steps .now")).to_have_text(re.compile("^starting JupyterLab"))
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title().endswith(" · Labyard")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    # An error page itself is an answer that the console tells of.
    assert [problem for problem in problems if answer.status == 200 or "Failed to load resource" not in problem] == []
    snap(page, f"page-{name}-{scheme}-{width}")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_is_accessible_too(browser: Browser, hub: Hub, places: dict[str, Any], scheme: Scheme) -> None:
    context = context_of(browser, places["admin"][1], color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{hub.url}hub/admin")
    page.locator(".top .menu summary").click()
    assert violations(page) == []
    page.locator("summary[aria-label='Actions for flop']").click()
    expect(page.get_by_role("button", name="Make administrator").locator("visible=true")).to_have_count(1)
    # An open menu covers what is below it; how much of that is left to click depends on the fonts.
    assert violations(page, ".menu[open]") == []
    page.get_by_label("User name").fill("root")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("alert")).to_contain_text("reserved")
    expect(page.get_by_label("User name")).to_be_focused()
    assert violations(page) == []
    context.close()


def test_from_the_set_up_link_into_jupyterlab_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    with start_hub(tmp_path / "state") as hub:
        token = hub.store.ensure_setup_token(3600)
        context = context_of(browser)
        page = context.new_page()
        page.goto(f"{hub.url}hub/setup?token={token}")
        expect(page.get_by_label("User name")).to_be_focused()
        page.keyboard.type("ada")
        for password in (PASSWORD, PASSWORD):
            page.keyboard.press("Tab")
            page.keyboard.type(password)
            page.keyboard.press("Tab")  # over "Show"
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Become the administrator")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/hub/home")
        expect(page.get_by_role("heading", name="Three steps to a tracked run")).to_be_visible()

        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Open JupyterLab")).to_be_focused()
        page.keyboard.press("Enter")
        steps = page.locator("[data-steps] li")
        expect(steps.first).to_be_visible()
        page.wait_for_url("**/user/ada/lab**", timeout=START_TIMEOUT_MS)
        expect(page.locator("#jp-main-dock-panel, .jp-LabShell").first).to_be_visible(timeout=START_TIMEOUT_MS)

        page.goto(f"{hub.url}hub/home")
        expect(page.locator(".state.running")).to_be_visible()
        expect(page.get_by_role("link", name="Open Notebook 7 on default")).to_have_attribute("href", "/user/ada/tree")
        page.get_by_role("button", name="Stop default").press("Enter")
        dialog = page.get_by_role("dialog", name="Stop default?")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()  # Enter pressed twice ends nothing
        assert violations(page) == []
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        expect(page.locator(".state.running")).to_be_visible()
        page.get_by_role("button", name="Stop default").press("Enter")
        dialog.get_by_role("button", name="Stop it").press("Enter")
        expect(page.locator(".state.stopped")).to_be_visible(timeout=30_000)
        context.close()


def test_without_javascript(browser: Browser, hub: Hub, places: dict[str, Any]) -> None:  # the users are made there
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{hub.url}hub/login?next=%2Fhub%2Fhome")
    page.get_by_label("User name").fill("grace-hopper")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/home")
    page.get_by_role("button", name="Open JupyterLab").click()
    # The waiting page loads itself again until the server is there.
    page.wait_for_url("**/user/grace-hopper/lab**", timeout=START_TIMEOUT_MS)
    page.goto(f"{hub.url}hub/home")
    page.get_by_role("button", name="Stop default").click()
    page.goto(f"{hub.url}hub/home")
    page.locator(".top .menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    context.close()


def test_a_start_that_fails_says_why_and_offers_a_way_out(browser: Browser, hub: Hub, places: dict[str, Any]) -> None:
    context = context_of(browser, places["failed"][1])
    page = context.new_page()
    page.goto(f"{hub.url}hub/home")
    expect(page.locator(".state.failed")).to_be_visible()
    expect(page.locator(".note.bad")).to_contain_text("It ended with status 3 before it was ready.")
    page.get_by_role("link", name="See the log of default").click()
    expect(page.get_by_role("alert")).to_contain_text("It ended with status 3")
    expect(page.locator("pre.log")).to_contain_text("ImportError: no module named nothing")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", name="did not start")).to_be_visible(timeout=30_000)
    # By the button on the home page the same, in place.
    page.goto(f"{hub.url}hub/home")
    page.get_by_role("button", name="Open JupyterLab").click()
    page.wait_for_url("**/hub/spawn-pending/flop", timeout=30_000)
    expect(page.get_by_role("button", name="Retry")).to_be_visible(timeout=30_000)
    context.close()


def test_a_start_that_fails_without_a_word_sends_nobody_to_its_log(hub: Hub, places: dict[str, Any]) -> None:
    page = places["failed-silently"][1].get("hub/spawn-pending/mute").text
    assert "It wrote no log." in page
    assert "tell an administrator what stands here" in page
    assert "the end of the log" not in page


def test_the_theme_is_remembered(browser: Browser, hub: Hub) -> None:
    context = context_of(browser, color_scheme="light")
    page = context.new_page()
    page.goto(f"{hub.url}hub/login")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.goto(f"{hub.url}hub/nowhere")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light
    context.close()


def test_the_theme_is_the_systems_until_somebody_chooses(browser: Browser, hub: Hub) -> None:
    context = context_of(browser, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{hub.url}hub/login")
    expect(page.get_by_role("button", name="Light theme")).to_be_visible()
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Dark theme").click()
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    expect(page.get_by_role("button", name="Light theme")).to_be_visible()
    context.close()


def test_an_injected_script_does_not_run(browser: Browser, hub: Hub) -> None:
    context = context_of(browser)
    page = context.new_page()
    page.goto(f"{hub.url}hub/login?username=%3Cscript%3Edocument.title%3D1%3C%2Fscript%3E%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    assert page.title() == "Sign in · Labyard"
    assert page.locator("main img, main script").count() == 0
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text))
    page.evaluate("() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 1'; document.body.append(s); }")
    assert page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in text for text in blocked), blocked
    context.close()


def test_tokens_are_made_and_revoked(browser: Browser, hub: Hub, places: dict[str, Any]) -> None:
    context = context_of(browser, places["home-first"][1])
    page = context.new_page()
    page.goto(f"{hub.url}hub/token")
    page.get_by_label("What it is for").fill("a script")
    expect(page.get_by_label("Projects, runs and models")).to_be_checked()  # the least, for a month
    expect(page.get_by_label("Ends after")).to_have_value("2592000")
    page.get_by_label("Everything that I may do").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_label("The new token")).not_to_have_value("")
    token = page.get_by_label("The new token").input_value()
    program: Callable[[], int] = lambda: page.request.get(f"{hub.url}hub/api/user", headers={"Authorization": f"token {token}"}).status  # noqa: E731
    assert program() == 200
    page.reload()
    page.get_by_role("button", name="Revoke the token for a script").click()
    expect(page.get_by_role("button", name="Revoke the token for a script")).to_have_count(0)
    context.clear_cookies()
    assert program() == 403
    context.close()


def test_tools_of_a_running_server_are_listed(browser: Browser, hub: Hub, places: dict[str, Any]) -> None:
    """What a server answers is shown as text, and only links on this host are links."""
    context = context_of(browser, places["home"][1])
    page = context.new_page()
    body = {
        "instances": [
            {
                "id": "1",
                "tool": "tensorboard",
                "title": "TensorBoard",
                "folder": "runs",
                "state": "running",
                "url": "/user/ada/gpu-tests/tb/",
            },
            {
                "id": "2",
                "tool": "x",
                "title": "<img src=x onerror=alert(1)>",
                "folder": None,
                "state": "running",
                "url": "https://evil.example/",
            },
            {"id": "3", "tool": "y", "title": "Third", "folder": None, "state": "running", "url": "javascript:alert(1)"},
        ]
    }
    page.goto(f"{hub.url}hub/home")
    assert page.locator("[data-instances]").count() == 0  # this browser has not been there yet
    page.goto(f"{hub.url}user/ada/gpu-tests/lab")
    page.wait_for_url("**/user/ada/gpu-tests/lab")
    # What the server itself answers, with no tool running; a browser needs no more than its cookie to ask.
    with page.expect_response("**/labyard/api/v1/instances") as answered:
        page.goto(f"{hub.url}hub/home")
    assert answered.value.status == 200
    assert answered.value.json() == {"instances": []}
    expect(page.locator(".tools")).to_be_hidden()
    page.route("**/labyard/api/v1/instances", lambda route: route.fulfill(json=body))
    page.goto(f"{hub.url}hub/home")
    tools = page.locator(".tools li")
    expect(tools).to_have_count(3)
    expect(tools.nth(0).get_by_role("link", name="Open TensorBoard")).to_have_attribute("href", f"{hub.url}user/ada/gpu-tests/tb/")
    assert tools.nth(1).locator("a, img").count() == 0
    assert tools.nth(2).locator("a").count() == 0
    assert violations(page) == []
    page.unroute("**/labyard/api/v1/instances")
    page.route("**/labyard/api/v1/instances", lambda route: route.fulfill(status=403, body="<html>"))
    page.reload()
    expect(page.locator(".tools")).to_be_hidden()
    context.close()


def test_a_start_can_be_cancelled(browser: Browser, hub: Hub) -> None:
    if hub.store.get_user("slow") is None:
        hub.store.add_user("slow", PASSWORD)
    client = hub.signed_in("slow")
    client.post("hub/spawn/slow")
    context = context_of(browser, client)
    page = context.new_page()
    page.goto(f"{hub.url}hub/spawn-pending/slow")
    expect(page.locator(".steps .now")).to_be_visible()
    page.get_by_role("button", name="Cancel the start").click()
    page.wait_for_url("**/hub/home")
    expect(page.locator("[data-state=stopped], [data-state=stopping], .first").first).to_be_visible(timeout=30_000)
    assert [record for record in list_servers(hub.state) if record.name == "slow"] == []
    context.close()


def test_a_person_with_a_running_server_is_removed_with_it(hub: Hub) -> None:
    hub.store.add_user("leaving", PASSWORD)
    client = hub.signed_in("leaving")
    assert client.post("hub/spawn/leaving").status_code == 302
    assert client.post("hub/spawn/leaving", new="1", name="second").status_code == 302
    for name in ("", "second"):
        wait_until(lambda name=name: client.api("GET", "users/leaving").json()["servers"].get(name, {}).get("ready"), "the server", 90)
    records = list_servers(hub.state)
    theirs = [record for record in records if record.name.partition("/")[0] == "leaving"]
    assert len(theirs) == 2
    admin = hub.signed_in("ada")
    assert "2 running servers are stopped" in admin.get("hub/admin/people/leaving/remove").text
    assert admin.post("hub/admin/people/leaving/remove", "hub/admin").status_code == 302
    assert [record for record in theirs if record.process() is not None] == []
    assert not client.is_signed_in
    assert not (hub.state.homes / "leaving").exists()
    assert len(list(hub.state.trash.glob("leaving-*"))) == 1
    # Whoever gets the name next starts with nothing of it.
    hub.store.add_user("leaving", PASSWORD)
    again = hub.signed_in("leaving")
    assert "Three steps" in again.get("hub/home").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_removed_person_is_restored_by_keyboard(browser: Browser, hub: Hub, scheme: Scheme) -> None:
    name = f"back-{scheme}"
    admin = hub.signed_in("ada")
    context = context_of(browser, admin, color_scheme=scheme)
    page = context.new_page()
    for text in ("first", "second"):
        hub.store.add_user(name, PASSWORD)
        (hub.state.homes / name).mkdir()
        (hub.state.homes / name / "notes.txt").write_text(text)
        assert admin.post(f"hub/admin/people/{name}/remove", "hub/admin").status_code == 302
    hub.store.add_user(name, PASSWORD)
    page.goto(f"{hub.url}hub/admin")
    page.get_by_role("link", name="Removed people").press("Enter")
    rows = page.get_by_role("row", name=name)
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("in 30 d")
    expect(rows.first).to_contain_text("KiB")
    page.goto(f"{hub.url}hub/admin/removed?q=nobody")
    expect(page.get_by_role("status")).to_contain_text("No removed person has “nobody” in their name.")
    page.get_by_role("link", name="Show all").press("Enter")
    # Somebody else has the name now.
    rows.first.get_by_role("button").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(f"Another person is called {name} now. Remove that person first")
    assert violations(page) == []
    snap(page, f"page-removed-refused-{scheme}")
    assert admin.post(f"hub/admin/people/{name}/remove", "hub/admin").status_code == 302
    page.goto(f"{hub.url}hub/admin/removed")
    page.get_by_role("row", name=name).first.get_by_role("button").press("Enter")
    expect(page.get_by_role("status")).to_contain_text(f"{name} has their name, home, runs and models again")
    expect(page.get_by_label("User name")).to_have_value(name)
    expect(page.get_by_label("User name")).to_be_focused()
    assert violations(page) == []
    snap(page, f"page-restored-{scheme}")
    assert (hub.state.homes / name / "notes.txt").read_text() == "first"
    assert hub.state.generation(name) == 0
    context.close()


def test_a_named_server_is_made_stopped_and_deleted(hub: Hub) -> None:
    hub.store.add_user("tess", PASSWORD)
    client = hub.signed_in("tess")
    answer = client.post("hub/spawn", new="1", name="Mes \u00e9tudes / 2", interface="notebook")
    assert answer.status_code == 302
    name = answer.headers["location"].rpartition("/")[2]
    assert re.fullmatch("[a-z][a-z0-9-]*", name), name
    assert client.post("hub/spawn", new="1", name="Mes \u00e9tudes / 2").status_code == 409

    def servers(query: str = "") -> dict[str, Any]:
        found: dict[str, Any] = client.api("GET", f"users/tess{query}").json()["servers"]
        return found

    wait_until(lambda: servers().get(name, {}).get("ready"), "the server", 90)
    assert "Mes \u00e9tudes / 2" in client.get("hub/home").text
    assert client.post(f"hub/servers/tess/{name}/delete").status_code == 409
    assert client.post(f"hub/servers/tess/{name}/stop").status_code == 302
    wait_until(lambda: name not in servers(), "it stops")
    assert "stopped" in client.get("hub/home").text
    assert client.post(f"hub/servers/tess/{name}/delete").status_code == 302
    assert name not in servers("?include_stopped_servers")


def test_a_link_starts_nothing(hub: Hub) -> None:
    hub.store.add_user("uma", PASSWORD)
    client = hub.signed_in("uma")
    for path in ("hub/spawn", "hub/spawn/uma", "hub/spawn/uma?opt-interface=lab", "hub/spawn/uma/second", "hub/user/uma/lab"):
        assert client.get(path).status_code in (200, 424), path
    servers = client.api("GET", "users/uma").json()["servers"]
    assert not any(server.get("pending") or server.get("ready") for server in servers.values())
    assert "second" not in servers


def test_many_people_come_in_pages_and_are_found_by_name(hub: Hub, browser: Browser) -> None:
    """The last one here: the other pages of this module are those of a small platform."""
    now = datetime.now(UTC).isoformat()
    with (
        closing(sqlite3.connect(hub.state.identity_database)) as database,
        database,
    ):  # with passwords they would take half a minute to make
        database.executemany(
            "INSERT INTO users (name, admin, created_at) VALUES (?, 0, ?)", [(f"person{number:02}", now) for number in range(60)]
        )
    client = hub.signed_in("ada")
    context = context_of(browser, client, viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(f"{hub.url}hub/admin")
    people = page.get_by_role("table", name="People")
    expect(people.get_by_role("row")).to_have_count(51)  # with the heading
    assert violations(page) == []
    page.get_by_role("link", name="Later").click()
    expect(page.get_by_role("rowheader", name="person59")).to_be_visible()
    snap(page, "admin-second-page")
    page.get_by_role("searchbox").fill("Person5")
    page.get_by_role("button", name="Find").click()
    expect(people.get_by_role("rowheader")).to_have_count(10)
    page.get_by_role("searchbox").fill("<nobody>")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Show everybody").click()
    expect(people.get_by_role("row")).to_have_count(51)
    context.close()
    _see_groups(hub, browser, client, [f"person{number:02}" for number in range(60)])


def _see_groups(hub: Hub, browser: Browser, client: Client, everybody: list[str]) -> None:
    groups = [f"group{number:02}" for number in range(55)]
    for name in groups:
        assert client.api("POST", f"groups/{name}").status_code == 201
    assert client.api("POST", "users", json={"usernames": everybody}).status_code == 201
    assert client.api("POST", "groups/group00/users", json={"users": everybody}).status_code == 200
    for scheme, width in LOOKS:
        context = context_of(browser, client, color_scheme=scheme, viewport={"width": width, "height": 740})
        page = context.new_page()
        page.goto(f"{hub.url}hub/admin/resources")
        expect(page.get_by_role("button", name="out of group00")).to_have_count(20)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"resources-many-{scheme}-{width}")
        page.get_by_role("link", name="All 60 in group00").click()
        expect(page.get_by_role("button", name="out of group00")).to_have_count(50)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"group-{scheme}-{width}")
        context.close()
    context = context_of(browser, client)
    page = context.new_page()
    page.goto(f"{hub.url}hub/admin/resources?group=group00")
    page.get_by_role("link", name="Later").click()
    page.get_by_role("button", name="Take person59 out of group00").click()
    expect(page.get_by_role("navigation", name="Pages of members")).to_contain_text("1 to 50 of 59")
    page.get_by_role("searchbox").fill("5")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("button", name="out of group00")).to_have_count(14)
    page.get_by_role("searchbox").fill("<nobody>")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Show everybody").click()
    page.get_by_role("link", name="Back to groups").click()
    page.get_by_role("navigation", name="Pages of Use by group").get_by_role("link", name="Later").click()
    expect(page.get_by_role("rowheader", name="group54")).to_be_visible()
    page.get_by_role("searchbox").fill("Group5")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("rowheader", name="group")).to_have_count(5)
    context.close()
