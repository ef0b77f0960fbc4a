"""What a browser loads on the way to JupyterLab, from where, and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from labyard_hub.backends.assets.bundle import START, PageAssets, read_page_assets
from tests.browser.conftest import snap
from tests.platform import RunningPlatform, is_root, open_temporary_folder, start_platform

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PASSWORD = "correct horse battery"
NewContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder, start_platform(folder / "state") as running:
        running.add_user("ada", PASSWORD)
        running.session("ada", PASSWORD).start_server("ada")
        yield running


@pytest.fixture(scope="module")
def assets(platform: RunningPlatform) -> PageAssets:
    found = read_page_assets(platform.state.page_file)
    assert found is not None
    return found


@dataclass
class Traffic:
    """What a page asked for: `all`, and of that what came over the network."""

    all: list[str] = field(default_factory=list)
    network: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> Traffic:
        traffic = cls()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")

        def answered(event: dict[str, Any]) -> None:
            answer = event["response"]
            parts = urlsplit(answer["url"])
            address = parts.path + (f"?{parts.query}" if parts.query else "")
            traffic.all.append(address)
            if not answer.get("fromDiskCache") and event["requestId"] not in kept:
                traffic.network.append(address)

        kept: set[str] = set()
        session.on("Network.requestServedFromCache", lambda event: kept.add(event["requestId"]))
        session.on("Network.responseReceived", answered)
        return traffic


def _sign_in(context: BrowserContext, platform: RunningPlatform) -> Page:
    page = context.new_page()
    page.goto(f"{platform.url}hub/login")
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="ada")).to_be_visible()
    return page


def _open_lab(page: Page, platform: RunningPlatform) -> None:
    page.goto(f"{platform.url}user/ada/lab")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=60_000)
    page.wait_for_load_state("networkidle")


def _wait_loaded_ahead(page: Page, assets: PageAssets) -> None:
    page.wait_for_function("(url) => (localStorage.getItem('labyard-loaded-ahead') ?? '').includes(url)", arg=assets.url)


def test_nothing_shared_comes_from_somebodys_server(platform: RunningPlatform, assets: PageAssets, new_context: NewContext) -> None:
    context = new_context()
    context.route(f"**/{START}", lambda route: route.abort())  # so that nothing is loaded ahead, and the page itself asks for all
    page = _sign_in(context, platform)
    traffic = Traffic.of(page)
    _open_lab(page, platform)
    snap(page, "page load lab")
    own = [
        one for one in traffic.all if one.startswith(("/user/ada/static/lab/", "/user/ada/lab/extensions/", "/user/ada/lab/api/themes/"))
    ]
    assert own == []
    assert [one for one in traffic.all if one.startswith("/user/ada/lab/api/build")] == []
    loaded = {one.removeprefix(assets.url) for one in traffic.all if one.startswith(assets.url)}
    listed = set(httpx.get(f"{platform.url.rstrip('/')}{assets.url}{START}").json())
    assert sorted(loaded - listed) == [], "JupyterLab loads what start.txt does not list"
    assert sorted(listed - loaded) == [], "start.txt lists what JupyterLab does not load"


def test_home_loads_ahead_what_jupyterlab_will_ask_for(platform: RunningPlatform, assets: PageAssets, new_context: NewContext) -> None:
    context = new_context()
    problems: list[str] = []
    context.on("console", lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None)
    page = _sign_in(context, platform)
    _wait_loaded_ahead(page, assets)
    traffic = Traffic.of(page)
    _open_lab(page, platform)
    assert any(one.startswith(assets.url) for one in traffic.all)
    assert [one for one in traffic.network if one.startswith(assets.url) and "/themes/" not in one] == []
    assert problems == []


def test_a_return_visit_asks_for_no_asset(platform: RunningPlatform, assets: PageAssets, new_context: NewContext) -> None:
    context = new_context()
    page = _sign_in(context, platform)
    _wait_loaded_ahead(page, assets)
    _open_lab(page, platform)
    page.close()
    page = context.new_page()
    traffic = Traffic.of(page)
    page.goto(f"{platform.url}hub/home")
    page.wait_for_load_state("networkidle")
    assert [one for one in traffic.all if one.startswith(assets.url)] == []
    _open_lab(page, platform)
    assert [one for one in traffic.network if one.startswith(assets.url)] == []


def test_the_sign_in_page_loads_ahead(platform: RunningPlatform, assets: PageAssets, new_context: NewContext) -> None:
    page = new_context().new_page()
    page.goto(f"{platform.url}hub/login")
    expect(page.get_by_label("User name")).to_be_focused()
    _wait_loaded_ahead(page, assets)


def test_launcher_and_files_stand_before_the_workspace_is_saved(platform: RunningPlatform, new_context: NewContext) -> None:
    (platform.state.homes / "ada" / "seen.txt").write_text("")
    page = _sign_in(new_context(), platform)
    saved: list[str] = []

    def never(route: Any) -> None:
        # JupyterLab's router waits for this; it is answered only when the page is gone.
        saved.append(route.request.url)

    page.route("**/lab/api/workspaces/*", lambda route: never(route) if route.request.method == "PUT" else route.continue_())
    page.goto(f"{platform.url}user/ada/lab")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=60_000)
    expect(page.locator(".jp-DirListing-item", has_text="seen.txt")).to_be_visible()
    assert page.locator(".jp-Launcher").count() == 1
    page.unroute_all(behavior="ignoreErrors")


def test_an_address_that_names_a_file_opens_it_alone(platform: RunningPlatform, new_context: NewContext) -> None:
    (platform.state.homes / "ada" / "alone.txt").write_text("by itself")
    page = _sign_in(new_context(), platform)
    page.goto(f"{platform.url}user/ada/lab/workspaces/alone/tree/alone.txt")
    expect(page.get_by_role("tab", name="alone.txt")).to_be_visible(timeout=60_000)
    page.wait_for_load_state("networkidle")
    assert page.locator(".jp-Launcher").count() == 0


@pytest.mark.skipif(not is_root(), reason="homes of their own need root")
def test_an_extension_of_ones_own_is_loaded_from_ones_own_server(
    platform: RunningPlatform, assets: PageAssets, new_context: NewContext
) -> None:
    folder = platform.state.homes / "ada" / ".local" / "share" / "jupyter" / "labextensions" / "theirs"
    (folder / "static").mkdir(parents=True)
    (folder / "package.json").write_text(
        '{"name": "theirs", "version": "1.0.0", "jupyterlab": {"extension": true, "_build": {"load": "static/remoteEntry.js", "extension": "./extension"}}}'
    )
    (folder / "static" / "remoteEntry.js").write_text(
        "(window._JUPYTERLAB = window._JUPYTERLAB || {}).theirs = {init() {}, get: async () => () => ({__esModule: true, default: {id: 'theirs:plugin', "
        "autoStart: true, activate: () => { document.body.dataset.theirs = 'active'; }}})};"
    )
    try:
        page = _sign_in(new_context(), platform)
        traffic = Traffic.of(page)
        _open_lab(page, platform)
        assert "/user/ada/lab/extensions/theirs/static/remoteEntry.js" in traffic.all
        assert page.evaluate("document.body.dataset.theirs") == "active"
        assert not [one for one in traffic.all if one.startswith(assets.url) and "theirs" in one]
        # With one of one's own there may be a theme of one's own, and there is one address for all.
        assert any(one.startswith("/user/ada/lab/api/themes/") for one in traffic.all)
        answer = httpx.get(f"{platform.url.rstrip('/')}{assets.url}labextensions/theirs/static/remoteEntry.js")
        assert answer.status_code == 404
    finally:
        for path in (folder / "static" / "remoteEntry.js", folder / "package.json"):
            path.unlink()


def test_notebook_7_is_shared_too(platform: RunningPlatform, assets: PageAssets, new_context: NewContext) -> None:
    page = _sign_in(new_context(), platform)
    traffic = Traffic.of(page)
    page.goto(f"{platform.url}user/ada/tree")
    expect(page.locator(".jp-DirListing-content")).to_be_visible(timeout=60_000)
    page.wait_for_load_state("networkidle")
    assert [one for one in traffic.all if one.startswith(("/user/ada/static/notebook/", "/user/ada/lab/extensions/"))] == []
    assert any(one.startswith(f"{assets.url}notebook/main.") for one in traffic.all)


WAITING = """<!doctype html><meta name="xsrf" content="x"><section data-progress="/hub/api/progress"><progress></progress><ol data-steps></ol></section>
<script type="module" src="/hub/assets/pending.js"></script>"""


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", "/user/ada/"),
        ("?next=%2Fuser%2Fada%2Flab%2Ftree%2Fa%20b", "/user/ada/lab/tree/a%20b"),
        ("?next=https%3A%2F%2Fexample.invalid%2F", "/user/ada/"),
        ("?next=%2F%2Fexample.invalid%2F", "/user/ada/"),
        ("?next=%2F%5Cexample.invalid%2F", "/user/ada/"),
        ("?next=javascript%3Aalert(1)", "/user/ada/"),
    ],
)
def test_the_waiting_page_leads_to_the_server_and_nowhere_else(
    platform: RunningPlatform, new_context: NewContext, asked: str, expected: str
) -> None:
    page = new_context().new_page()
    page.route("**/waiting*", lambda route: route.fulfill(content_type="text/html", body=WAITING))
    page.route(
        "**/hub/api/progress*",
        lambda route: route.fulfill(content_type="text/event-stream", body='data: {"ready": true, "url": "/user/ada/"}\n\n'),
    )
    page.route("**/user/ada/**", lambda route: route.fulfill(content_type="text/html", body="there"))
    page.goto(f"{platform.url}waiting{asked}")
    page.wait_for_url(platform.url.rstrip("/") + expected)
