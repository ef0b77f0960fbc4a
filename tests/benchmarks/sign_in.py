"""From pressing "Sign in" to a visible Launcher, against a stock JupyterHub with the same versions of everything.

The stock side is JupyterHub with its dummy authenticator, SimpleLocalProcessSpawner and JupyterLab from the same environment, behind the same HAProxy, since
its own proxy needs a Node program. A real Chromium signs in on both, in turn, each time as a user with no running server.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

from labyard.builtin_tools import BUILT_IN_TOOLS
from labyard_hub.backends.local.runtime import proxy_socket
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.supervisor.proxy import proxy_process
from tests.benchmarks.report import compare
from tests.browser.conftest import ARGUMENTS
from tests.platform import open_temporary_folder, start_platform, wait_until

ROUNDS = 5
PASSWORD = "correct horse battery"

STOCK = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.JupyterHub.proxy_class = "labyard_hub.hub_process.proxy.LabyardProxy"
c.LabyardProxy.should_start = False
c.LabyardProxy.folder = "{folder}"
c.LabyardProxy.socket = "{socket}"
c.SimpleLocalProcessSpawner.home_dir_template = "{root}/homes/{{username}}"
c.Spawner.default_url = "/lab"
c.Spawner.args = ["--allow-root"]
c.Spawner.start_timeout = 300  # many at once on a small machine
c.Spawner.http_timeout = 300
"""


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def stock_hub(root: Path, more: str = "") -> Iterator[str]:
    """Run a stock hub, and return its URL. Its configuration ends with `more`."""
    port, hub_port = _port(), _port()
    url = f"http://127.0.0.1:{port}/"
    state = StateFolder.open(root / "proxy")
    spec = proxy_process(state, Platform(url, url, hub_port, 1, 1, _port()), ListenSettings())
    text = STOCK.format(port=port, hub_port=hub_port, folder=state.run_private, socket=proxy_socket(state), root=root)
    (root / "jupyterhub_config.py").write_text(text + more)
    with (root / "hub.log").open("wb") as log:
        proxy = subprocess.Popen(spec.argv, env=dict(spec.env), stdout=log, stderr=log)
        hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config=jupyterhub_config.py"],
            cwd=root, stdout=log, stderr=log, env={"PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin", "HOME": str(root), "LANG": "C.UTF-8"},
        )  # fmt: skip
    try:
        wait_until(lambda: _healthy(url), "the stock hub", 60)
        yield url
    finally:
        hub.terminate()
        hub.wait(30)
        proxy.terminate()
        proxy.wait(30)


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}hub/health").status_code == 200
    except httpx.HTTPError:
        return False


def _sign_in(browser: Browser, url: str, name: str) -> float:
    """Return the seconds from the press of the button to a visible Launcher."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(f"{url}hub/login")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    started = time.perf_counter()
    page.press("input[name=password]", "Enter")
    # Ours shows the home page first; its button is part of the way.
    opens = page.get_by_role("link", name="Open JupyterLab").or_(page.get_by_role("button", name="Open JupyterLab"))
    launcher = page.locator(".jp-Launcher").first
    opens.or_(launcher).first.wait_for()
    if not launcher.is_visible():
        opens.first.click()
    launcher.wait_for()
    took = time.perf_counter() - started
    context.close()
    return took


def main() -> None:
    """Measure and print."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is missing: sudo apt-get install chromium")
    seconds: dict[str, list[float]] = {"stock": [], "Labyard": []}
    with open_temporary_folder() as root, sync_playwright() as playwright:
        (root / "stock").mkdir()
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        with stock_hub(root / "stock") as stock, start_platform(root / "state", tools=BUILT_IN_TOOLS) as ours:
            for number in range(ROUNDS + 1):
                ours.add_user(f"user{number}", PASSWORD)
                for side, url in (("stock", stock), ("Labyard", ours.url)):
                    took = _sign_in(browser, url, f"user{number}")
                    if number:  # the first of each warms the disk's cache
                        seconds[side].append(took)
        browser.close()
    compare('Sign-in to a visible Launcher ("/lab", new user)', "s", seconds, base="stock")
