"""From a click to Label Studio's page in Chromium, the first time and later: a card in JupyterLab with Labyard's extension, and ``label-studio start`` as it comes.

Stock makes its database at its first start, Labyard's is a copy of one that was made when it was installed.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from labyard.builtin_tools import builtin_tool
from labyard_hub.backends.local.environments import EnvironmentStore, label_studio_template
from labyard_hub.supervisor.tools import make_label_studio_template
from tests.benchmarks.report import compare
from tests.benchmarks.sign_in import _port
from tests.benchmarks.tools_mlflow import _cpu_seconds, _environment, _memory_mb, _process
from tests.labyard_lab.conftest import TOKEN, LabServer
from tests.platform import open_temporary_folder, wait_until

__all__ = ["label_studio"]

ROUNDS = 3
WAIT_MS = 600_000
STOCK, OURS = "label-studio start", "Labyard"
CONFIG = "c.ServerApp.jpserver_extensions = {'labyard_lab': True, 'jupyter_server_proxy': True, 'jupyterlab': True}\n"


class _Figures:
    def __init__(self) -> None:
        self.seconds, self.cpu, self.memory = ({name: list[float]() for name in (STOCK, OURS)} for _ in range(3))

    def add(self, name: str, started: float, pid: int) -> None:
        self.seconds[name].append(time.perf_counter() - started)
        self.cpu[name].append(_cpu_seconds(pid))
        self.memory[name].append(_memory_mb(pid))


def label_studio() -> None:
    """Measure and print."""
    kinds = {"first start": _Figures(), "later start": _Figures()}
    program = shutil.which("chromium")
    assert program is not None, "this benchmark needs Chromium"
    with open_temporary_folder() as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        store = EnvironmentStore.default(root)
        python = store.ensure("label-studio") / "bin" / "python"
        make_label_studio_template(store, print)
        for number in range(ROUNDS):
            _stock(browser, python, root / f"data{number}", kinds)
            _ours(browser, python, label_studio_template(store), kinds)
        browser.close()
    for kind, figures in kinds.items():
        compare(f"Label Studio: {kind}, to its page in the browser", "s", figures.seconds, base=STOCK)
        compare(f"Label Studio: {kind}, CPU of its processes", "s", figures.cpu, base=STOCK)
        compare(f"Label Studio: {kind}, memory then (PSS)", "MiB", figures.memory, base=STOCK)


def _stock(browser: Browser, python: Path, data: Path, kinds: dict[str, _Figures]) -> None:
    data.mkdir()
    environment = {**_environment(python), "HOME": str(data), "LABEL_STUDIO_BASE_DATA_DIR": str(data), "COLLECT_ANALYTICS": "false"}
    for figures in kinds.values():
        port = _port()
        command = [
            str(python.parent / "label-studio"), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port),
            "--username", "ada@example.org", "--password", "a password that is long",
        ]  # fmt: skip
        page = browser.new_page()
        started = time.perf_counter()
        with _process(command, environment, data) as process:
            wait_until(lambda page=page, port=port: _opens(page, f"http://127.0.0.1:{port}/user/login/"), "Label Studio", WAIT_MS / 1000)  # type: ignore[misc]
            page.locator("input[name=email]").wait_for(timeout=WAIT_MS)
            figures.add(STOCK, started, process.pid)
        page.close()


def _opens(page: Page, url: str) -> bool:
    try:
        answer = page.goto(url)
    except Exception:  # noqa: BLE001  # nobody listens yet
        return False
    return answer is not None and answer.status == 200


def _ours(browser: Browser, python: Path, template: Path, kinds: dict[str, _Figures]) -> None:
    with tempfile.TemporaryDirectory() as short:
        tool = builtin_tool("label-studio", python=python)
        server = LabServer(Path(short) / "s", [tool], CONFIG, {"LABYARD_LABEL_STUDIO_TEMPLATE": str(template)})
        try:
            for figures in kinds.values():
                context = browser.new_context()
                page = context.new_page()
                page.goto(f"{server.url}lab?token={TOKEN}&reset")
                card = page.locator(".jp-LauncherCard", has_text="Label Studio")
                card.wait_for(timeout=WAIT_MS)
                page.wait_for_load_state("networkidle")
                started = time.perf_counter()
                card.click()
                page.frame_locator("iframe").get_by_role("button", name="Create Project").first.wait_for(timeout=WAIT_MS)
                figures.add(OURS, started, wait_until(lambda: keeper_of(server), "the keeper"))
                context.close()
                server.client.delete("instances/label-studio")
        finally:
            server.remove()


def keeper_of(server: LabServer) -> int | None:
    """Return the process that keeps the server's one tool; None until there is one."""
    children = psutil.Process(server.process.pid).children()
    return next((child.pid for child in children if any(word.endswith("/keeper.py") for word in child.cmdline())), None)
