"""A real Chromium, with a picture of every step."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic",
)  # fmt: skip
WIDE = {"width": 1280, "height": 800}

WAIT_MILLISECONDS = 30_000
"""How long a step of a person may take on a machine that has other tests to run too."""

expect.set_options(timeout=WAIT_MILLISECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of one module: while Playwright is open, no other event loop can run in this thread."""
    program = shutil.which("chromium")
    assert program is not None, "the browser tests need Chromium: sudo apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def new_context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., BrowserContext]]:
    """Make contexts, each a person's own browser; on failure each open page leaves a picture."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})  # type: ignore[arg-type]
        context.set_default_timeout(WAIT_MILLISECONDS)
        contexts.append(context)
        return context

    yield make
    report = getattr(request.node, "call_report", None)
    for number, context in enumerate(contexts):
        if report is not None and report.failed:
            for index, page in enumerate(context.pages):
                snap(page, f"failed-{_slug(request.node.name)}-{number}-{index}")
        context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if call.when == "call":
        item.call_report = report  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


def snap(page: Page, name: str) -> None:
    """Keep a picture of `page` among CI's artifacts."""
    folder = ARTIFACTS / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{_slug(name)}.png")


def run_in_palette(page: Page, command: str, result: Locator, picture: str | None = None) -> None:
    """Open JupyterLab's command palette by its keys, type `command` and press Enter, until `result` is there; keep a picture named `picture` of the palette.

    When the Launcher is there, JupyterLab may not know the keys yet, and when it does, it may still give the focus to the Launcher once, which closes the palette:
    before the command is typed, or between that and Enter.
    """
    deadline = time.monotonic() + 2 * WAIT_MILLISECONDS / 1000
    while True:
        with suppress(PlaywrightTimeout):
            page.keyboard.press("Control+Shift+C")
            page.locator(".lm-CommandPalette-input:focus").wait_for(timeout=1000)
            page.keyboard.press("Control+A")
            page.keyboard.type(command)
            page.locator(".lm-CommandPalette-item.lm-mod-active", has_text=command).wait_for(timeout=2000)
            if picture:
                snap(page, picture)
            page.locator(".lm-CommandPalette-input:focus").wait_for(timeout=1000)
            page.keyboard.press("Enter")
            result.wait_for(timeout=WAIT_MILLISECONDS / 3)
            return
        assert time.monotonic() < deadline, f"the command palette does not run {command!r}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
