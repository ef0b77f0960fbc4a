"""Joining a project by a link, as whoever gets the link sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import snap
from tests.platform import RunningPlatform, open_temporary_folder, start_platform

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]

PASSWORD = "correct horse battery"


@pytest.fixture
def running() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("tools: {enabled: []}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            for name in ("ada", "bob"):
                running.add_user(name, PASSWORD)
            yield running


def faults(page: Page) -> list[str]:
    return [violation["id"] for violation in Axe().run(page).response["violations"]]


def test_a_link_lets_in_whoever_gets_it(running: RunningPlatform, new_context: Callable[..., BrowserContext]) -> None:
    ada = running.client("services/labyard/api/v1/", running.session("ada", PASSWORD).token("ada"))
    ada.post("projects", json={"name": "vision", "display_name": "Road signs"}).raise_for_status()
    link = ada.post("projects/vision/links", json={"role": "editor"}).json()
    address = running.url.rstrip("/") + link["url"]

    page = new_context().new_page()
    page.goto(address)
    # Not signed in: that comes first, and leads back here.
    page.get_by_label("User name").fill("bob")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Join Road signs?")).to_be_visible()
    expect(page.get_by_text("ada invites you, bob, to the project vision as editor.")).to_be_visible()
    assert faults(page) == []
    snap(page, "join-01-asked")

    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("heading", name="You are in Road signs")).to_be_visible()
    assert faults(page) == []
    snap(page, "join-02-in")
    assert {one["user"]: one["role"] for one in ada.get("projects/vision/members").json()["members"]} == {"ada": "owner", "bob": "editor"}
    page.get_by_role("link", name="Open in JupyterLab").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".jp-BreadCrumbs")).to_contain_text("vision", timeout=90_000)

    page.goto(address + "0")
    expect(page.get_by_text(re.compile("This link does not work"))).to_be_visible()
    snap(page, "join-03-wrong")
    assert faults(page) == []
    ada.delete(f"projects/vision/links/{link['id']}").raise_for_status()
    page.goto(address)
    expect(page.get_by_text(re.compile("This link does not work"))).to_be_visible()
