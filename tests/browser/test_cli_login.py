"""The hub's question about a command line, as people see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import snap
from tests.integration.test_cli_login import PASSWORD, Laptop
from tests.platform import RunningPlatform, open_temporary_folder, start_platform, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder, start_platform(folder / "state") as running:
        running.add_user("ada", PASSWORD, admin=True)
        yield running


@pytest.fixture
def page(running: RunningPlatform, new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context().new_page()
    page.goto(f"{running.url}hub/login")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="ada")).to_be_visible()
    return page


def accessible(page: Page) -> None:
    problems = Axe().run(page).response["violations"]
    assert problems == [], problems


def test_allowed(running: RunningPlatform, page: Page, tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    with laptop.login(running.url, "--name", "adas-laptop") as (process, url):
        page.goto(url)
        expect(page.get_by_role("heading", name="Let a command line act for you?")).to_be_visible()
        expect(page.get_by_text("adas-laptop")).to_be_visible()
        snap(page, "command line asks")
        accessible(page)
        page.get_by_role("button", name="Allow").click()
        # Over the hub's form, the service's page and the command line's own server, to the last page.
        expect(page.get_by_role("heading", name="The command line is signed in")).to_be_visible()
        snap(page, "command line is signed in")
        accessible(page)
        assert process.wait(20) == 0
    assert laptop.json("whoami")["user"] == "ada"
    # The hub lists it, and can end it.
    page.goto(f"{running.url}hub/token")
    revoke = page.get_by_role("button", name="Revoke The labyard command line")
    revoke.click()
    expect(revoke).to_have_count(0)
    wait_until(lambda: not laptop.signed_in(), "the token ends", 10)


def test_not_allowed(running: RunningPlatform, page: Page, tmp_path: Path) -> None:
    with Laptop(tmp_path).login(running.url) as (process, url):
        page.goto(url)
        page.get_by_role("link", name="Do not allow").click()
        expect(page.get_by_role("heading", name="Nothing was allowed")).to_be_visible()
        assert process.wait(20) == 1


def test_a_code_to_be_typed(running: RunningPlatform, page: Page, tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    with laptop.login(running.url, "--no-browser", "--name", "gpu-box") as (process, url):
        page.goto(url)
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_role("heading", name="Code for the command line")).to_be_visible()
        code = page.locator(".one-time").inner_text()
        snap(page, "code for the command line")
        accessible(page)
        _, problem = process.communicate(code + "\n", timeout=20)
        assert process.returncode == 0, problem
    assert laptop.json("whoami")["user"] == "ada"
