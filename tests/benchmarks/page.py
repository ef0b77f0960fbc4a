"""From the click that opens JupyterLab to a visible Launcher, against a stock JupyterHub with the same versions, and what goes over the wire.

Stock is the hub of `tests.benchmarks.sign_in`, with JupyterLab and the extensions that Notebook and jupyter-server-proxy bring, without ours and without editing together.
One starts on the hub's home page in both, in a browser that knows nothing ("cold") or one that has been in that JupyterLab before ("warm"); the server runs already, or is
started by the click. A cold browser has looked at our home page as long as a person takes to find the button: `LOOK_SECONDS`, in which it loads ahead. "No look" leaves that out.
Traffic is counted in visits of its own.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from labyard.builtin_tools import BUILT_IN_TOOLS
from tests.benchmarks.report import compare
from tests.benchmarks.sign_in import PASSWORD, stock_hub
from tests.browser.conftest import ARGUMENTS, WIDE
from tests.platform import open_temporary_folder, start_platform

ROUNDS = 5
LOOK_SECONDS = 1.5

PLAIN = """
c.Spawner.environment = {{"JUPYTER_CONFIG_PATH": "{root}/config"}}
"""
SINGLE_USER = """
c.LabApp.labextensions_path = ["{root}/labextensions"]
c.ServerApp.jpserver_extensions = {{"labyard_lab": False, "jupyter_server_ydoc": False, "jupyter_server_fileid": False}}
"""


@dataclass(frozen=True)
class _Visit:
    seconds: float
    cpu_seconds: float
    """Of the page's main thread, until then; another program's load changes it little."""


@dataclass(frozen=True)
class _Traffic:
    requests: int
    megabytes: float


def _make_plain(root: Path) -> None:
    """Give the stock servers a configuration with the extensions that a stock installation has."""
    (root / "config").mkdir(parents=True)
    (root / "config" / "jupyter_server_config.py").write_text("c = get_config()  # noqa: F821\n" + SINGLE_USER.format(root=root))
    installed = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
    for name in ("@jupyter-notebook", "@jupyterhub", "jupyterlab_pygments"):
        (root / "labextensions").mkdir(exist_ok=True)
        (root / "labextensions" / name).symlink_to(installed / name)


def _go_home(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}hub/login?next=/hub/home")
    if page.locator("input[name=username]").count():
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
    page.wait_for_url("**/hub/home")


def _visit(context: BrowserContext, url: str, name: str, look_seconds: float, *, stopped: bool = False) -> _Visit:
    """Go to the home page, signing in where that is needed, click, and wait for the Launcher."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    _go_home(page, url, name)
    if stopped:
        _stop(page, name)
        page.reload()
    page.wait_for_timeout(1000 * look_seconds)
    before, started = _main_thread_seconds(session), time.perf_counter()
    _click(page)
    took, after = time.perf_counter() - started, _main_thread_seconds(session)
    page.wait_for_load_state("networkidle")
    page.close()
    return _Visit(took, after - before if after > before else after)


def _traffic(context: BrowserContext, url: str, name: str) -> _Traffic:
    """Do the same, and return what came over the network on all the way."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    finished: list[dict[str, Any]] = []
    asked: set[str] = set()
    session.on("Network.responseReceived", lambda event: None if event["response"].get("fromDiskCache") else asked.add(event["requestId"]))
    session.on("Network.requestServedFromCache", lambda event: asked.discard(event["requestId"]))
    session.on("Network.loadingFinished", lambda event: finished.append(event))  # noqa: PLW0108  # Playwright wants a function of its own
    _go_home(page, url, name)
    page.wait_for_timeout(1000 * LOOK_SECONDS)
    _click(page)
    page.wait_for_load_state("networkidle")
    came = [event for event in finished if event["requestId"] in asked]
    page.close()
    return _Traffic(len(came), sum(event["encodedDataLength"] for event in came) / 1e6)


def _click(page: Page) -> None:
    """Open JupyterLab, until its Launcher is visible."""
    button = page.locator("#start").or_(page.locator("#open-lab")).or_(page.get_by_role("button", name="Open JupyterLab")).first
    button.click(no_wait_after=True)
    page.locator(".jp-Launcher").first.wait_for()


def _main_thread_seconds(session: CDPSession) -> float:
    """Return for how long the page's main thread has computed; it begins anew where another process takes over."""
    return next(float(one["value"]) for one in session.send("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration")


def _stop(page: Page, name: str) -> None:
    """Stop the server, as a person's browser may by the hub's API."""
    page.evaluate(
        """async (name) => {
            const token = document.querySelector("meta[name=xsrf]")?.content ?? window.jhdata?.xsrf_token;
            const ask = (method) => fetch(`/hub/api/users/${name}${method === "GET" ? "" : "/server"}`, {method, headers: {"X-XSRFToken": token}});
            await ask("DELETE");
            while (Object.keys((await (await ask("GET")).json()).servers).length) await new Promise((done) => setTimeout(done, 200));
        }""",
        name,
    )


def _round(browser: Browser, url: str, name: str) -> tuple[dict[str, _Visit], dict[str, _Traffic]]:
    """Return one visit of each kind, by one user, and the traffic of two."""
    visits = {}
    traffic = {}
    warm = _open(browser)
    visits["cold, server started"] = _visit(warm, url, name, LOOK_SECONDS)
    for kind, look in (("cold, no look", 0.0), ("cold", LOOK_SECONDS)):
        cold = _open(browser)
        visits[kind] = _visit(cold, url, name, look)
        cold.close()
    cold = _open(browser)
    traffic["cold"] = _traffic(cold, url, name)
    cold.close()
    traffic["warm"] = _traffic(warm, url, name)  # a browser keeps compiled scripts from the second time on
    visits["warm"] = _visit(warm, url, name, LOOK_SECONDS)
    visits["warm, server started"] = _visit(warm, url, name, LOOK_SECONDS, stopped=True)
    page = warm.new_page()
    _go_home(page, url, name)
    _stop(page, name)
    warm.close()
    return visits, traffic


def _open(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(120_000)
    return context


def main() -> None:
    """Measure and print."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is missing: sudo apt-get install chromium")
    found: dict[str, list[tuple[dict[str, _Visit], dict[str, _Traffic]]]] = {"stock": [], "Labyard": []}
    with open_temporary_folder() as root, sync_playwright() as playwright:
        (root / "stock").mkdir()
        _make_plain(root / "stock" / "plain")
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        with (
            stock_hub(root / "stock", PLAIN.format(root=root / "stock" / "plain")) as stock,
            start_platform(root / "state", tools=BUILT_IN_TOOLS) as ours,
        ):
            for number in range(ROUNDS):
                ours.add_user(f"user{number}", PASSWORD)
                for side, url in (("stock", stock), ("Labyard", ours.url)):
                    found[side].append(_round(browser, url, f"user{number}"))
        browser.close()
    for kind in found["stock"][0][0]:
        compare(
            f"Click to a visible Launcher: {kind}",
            "s",
            {side: [visits[kind].seconds for visits, _ in rounds] for side, rounds in found.items()},
            base="stock",
        )
        compare(
            f"CPU of the page's main thread until then: {kind}",
            "s",
            {side: [visits[kind].cpu_seconds for visits, _ in rounds] for side, rounds in found.items()},
            base="stock",
        )
    for kind in ("cold", "warm"):
        compare(
            f"Requests over the network, from sign-in or home page to JupyterLab: {kind}",
            "requests",
            {side: [traffic[kind].requests for _, traffic in rounds] for side, rounds in found.items()},
            base="stock",
        )
        compare(
            f"Bytes over the network, likewise: {kind}",
            "MB",
            {side: [traffic[kind].megabytes for _, traffic in rounds] for side, rounds in found.items()},
            base="stock",
        )
