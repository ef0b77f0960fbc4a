"""Signing in at an identity provider, as a person does it: Chromium, a real `labyard up`, and a real OpenID Connect provider that is another site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import snap
from tests.integration.test_cli_login import Laptop
from tests.oidc.provider import PASSWORD, Person, Provider, start_provider
from tests.oidc.visitor import start_with_login
from tests.platform import RunningPlatform, open_temporary_folder, wait_until
from tests.workers import free_port

pytestmark = pytest.mark.browser

NARROW = {"width": 380, "height": 720}


@dataclass
class World:
    platform: RunningPlatform
    provider: Provider
    page: Page
    new_context: Callable[..., BrowserContext]

    def sign_in_at_provider(self, login: str) -> None:
        page = self.page
        expect(page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()
        page.get_by_label("Name").fill(login)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    def enter(self, login: str, path: str = "hub/home") -> None:
        self.page.goto(self.platform.url + path)
        self.page.get_by_role("link", name="Sign in with Example ID").click()
        self.sign_in_at_provider(login)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[RunningPlatform, Provider]]:
    port = free_port()
    people = (
        Person.of("ada", "ml", "ml-admins"),
        Person.of("bob", "ml"),
        Person.of("carol", "ml"),
        Person.of("eve", "sales"),
        Person.of("bob2", "ml", preferred_username="Bob"),
        Person.of("nobody", "ml"),
    )
    with open_temporary_folder() as folder, start_provider(f"http://labyard.localhost:{port}/hub/", *people) as provider:
        settings = {
            "allowed_groups": ["ml"],
            "admin_groups": ["ml-admins"],
            "refresh_seconds": 1,
            "display_name": "Example ID",
            "session_lifetime_seconds": 86400,
        }
        profiles = [{"name": "small", "title": "Small"}, {"name": "large", "title": "Large hardware", "groups": ["gpu"]}]
        with start_with_login(folder / "state", port, provider, settings, profiles=profiles) as platform:
            yield platform, provider


@pytest.fixture
def world(running: tuple[RunningPlatform, Provider], new_context: Callable[..., BrowserContext]) -> World:
    platform, provider = running
    return World(platform, provider, new_context().new_page(), new_context)


def look(page: Page, name: str) -> None:
    """Keep pictures in both colours and two widths, and let axe look at each."""
    wide = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width, size in (("wide", wide), ("narrow", NARROW)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            snap(page, f"oidc-{name}-{scheme}-{width}")
            if width == "wide":
                problems = Axe().run(page).response["violations"]
                assert problems == [], problems
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), f"{name} is too wide"
    page.set_viewport_size(wide)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")


def test_from_the_button_to_home_and_out_again(world: World) -> None:
    page = world.page
    problems: list[str] = []

    def is_ours(address: str) -> bool:  # the provider has no icon
        return address.startswith(world.platform.url)

    page.on(
        "console", lambda message: problems.append(message.text) if message.type == "error" and is_ours(message.location["url"]) else None
    )
    page.goto(world.platform.url)
    expect(page.get_by_role("link", name="Sign in with Example ID")).to_be_visible()
    expect(page.locator("input[type=password]")).to_have_count(0)
    expect(page.get_by_text("set-up link")).to_have_count(0)
    look(page, "sign-in")
    page.get_by_role("link", name="Sign in with Example ID").click()
    world.sign_in_at_provider("ada")
    page.wait_for_url(re.compile(r"/hub/home"))
    expect(page.get_by_text("ada").first).to_be_visible()

    page.goto(world.platform.url + "hub/account")
    expect(page.get_by_text("kept at Example ID")).to_be_visible()
    look(page, "account")

    page.locator("details.menu summary").first.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign out of the provider?")).to_be_visible()
    page.get_by_role("button", name="Sign out here too").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    look(page, "signed-out")
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_role("link", name="Sign in with Example ID").click()
    expect(page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()  # it asks again
    assert problems == []


def test_the_wrong_group_is_told_what_to_do(world: World) -> None:
    page = world.page
    world.enter("eve")
    expect(page.get_by_role("heading", name="You may not use Labyard yet")).to_be_visible()
    expect(page.get_by_text("Ask an administrator of Labyard which group you should be in")).to_be_visible()
    look(page, "refused")
    page.get_by_role("link", name="Sign in as somebody else").click()
    world.sign_in_at_provider("carol")
    page.wait_for_url(re.compile(r"/hub/home"))


def test_two_people_with_one_name(world: World) -> None:
    world.enter("bob")
    world.page.wait_for_url(re.compile(r"/hub/home"))
    other = World(world.platform, world.provider, world.new_context().new_page(), world.new_context)
    other.enter("bob2")
    expect(other.page.get_by_role("heading", name="Your name belongs to somebody else here")).to_be_visible()
    look(other.page, "name-taken")


def test_a_reserved_name(world: World) -> None:
    world.enter("nobody")
    expect(world.page.get_by_role("heading", name="Your name cannot be used here")).to_be_visible()
    look(world.page, "name-refused")


def test_saying_no(world: World) -> None:
    page = world.page
    page.goto(world.platform.url)
    page.get_by_role("link", name="Sign in with Example ID").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="The sign-in was cancelled")).to_be_visible()
    look(page, "cancelled")


def test_a_state_that_was_tampered_with(world: World) -> None:
    page = world.page
    page.goto(world.platform.url)
    page.get_by_role("link", name="Sign in with Example ID").click()
    world.page.context.clear_cookies(name="oauthenticator-state")  # as after a quarter of an hour
    world.sign_in_at_provider("carol")
    expect(page.get_by_role("heading", name="This sign-in is not valid any more")).to_be_visible()
    look(page, "expired")
    page.get_by_role("link", name="Sign in").click()
    link = page.get_by_role("link", name="Sign in with Example ID").get_attribute("href")
    page.evaluate("link => fetch(link, {redirect: 'manual'}).then(() => null)", link)  # the browser has a state now
    page.goto(world.platform.url + "hub/oauth_callback?code=x&state=eyJzdGF0ZV9pZCI6ICJ4In0%3D")
    expect(page.get_by_role("heading", name="This sign-in is not valid any more")).to_be_visible()


def test_an_expired_session_goes_to_the_provider_again(world: World) -> None:
    page = world.page
    world.enter("carol")
    page.wait_for_url(re.compile(r"/hub/home"))
    page.context.clear_cookies(name="__Host-jupyterhub-hub-login")
    page.goto(world.platform.url + "hub/token")
    page.get_by_role("link", name="Sign in with Example ID").click()  # the provider still knows carol, and does not ask
    page.wait_for_url(re.compile(r"/hub/token"))


def test_the_right_to_administer_and_groups_follow(world: World) -> None:
    page = world.page
    world.provider.change("bob", groups=["ml", "ml-admins", "gpu"])
    world.enter("bob")
    page.get_by_role("link", name="Admin").click()
    expect(page.get_by_text("People come from Example ID")).to_be_visible()
    expect(page.get_by_role("heading", name="Invite a colleague")).to_have_count(0)
    look(page, "admin")
    page.goto(world.platform.url + "hub/account")
    expect(page.get_by_text("gpu, ml, ml-admins")).to_be_visible()
    page.goto(world.platform.url + "hub/spawn?new=1")
    expect(page.get_by_text("Large hardware")).to_be_visible()
    world.provider.change("bob", groups=["ml"])

    def no_longer() -> bool:
        page.goto(world.platform.url + "hub/account")
        return page.get_by_text("User since").is_visible()

    wait_until(no_longer, "bob no longer administers")
    expect(page.get_by_text("Groups that Labyard knows of: ml.")).to_be_visible()
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)
    page.goto(world.platform.url + "hub/spawn?new=1")
    expect(page.get_by_role("heading", name="New server")).to_be_visible()
    expect(page.get_by_text("Large hardware")).to_have_count(0)


def test_labyard_login_from_a_terminal(world: World, tmp_path: Path) -> None:
    page = world.page
    laptop = Laptop(tmp_path)
    with laptop.login(world.platform.url) as (process, url):
        page.goto(url)
        page.get_by_role("link", name="Sign in with Example ID").click()
        world.sign_in_at_provider("carol")
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_role("heading", name="The command line is signed in")).to_be_visible()
        assert process.wait(20) == 0
    assert laptop.json("whoami")["user"] == "carol"


def test_a_provider_that_goes_away_on_the_way_back(world: World) -> None:
    """The last one here: it does not come again."""
    page = world.page
    page.goto(world.platform.url)
    page.get_by_role("link", name="Sign in with Example ID").click()
    expect(page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()
    said = {"name": "carol", "password": PASSWORD, "do": "sign-in"}
    answer = page.request.post(page.url, form=said, max_redirects=0)
    while "/hub/oauth_callback" not in answer.headers["location"]:  # step by step, to stop before the last
        answer = page.request.get(urljoin(answer.url, answer.headers["location"]), max_redirects=0)
    world.provider.stop()
    page.goto(answer.headers["location"])
    expect(page.get_by_role("heading", name="Signing in is not possible at this moment")).to_be_visible()
    expect(page.get_by_text("People who are signed in can go on")).to_be_visible()
    look(page, "provider-away")
    page.get_by_role("link", name="Sign in", exact=True).click()
    expect(page.get_by_role("link", name="Sign in with Example ID")).to_be_visible()
