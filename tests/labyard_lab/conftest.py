"""A real Jupyter server with the extension, and small tools to run in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from labyard.models.tool import Tool
from tests.waiting import wait_until
from tests.workers import free_port

T = TypeVar("T")

TOKEN = "token-of-the-test-server"
ECHO_TOOL = Path(__file__).parent / "tools" / "echo_tool.py"


def echo_tool(name: str = "echo", **changes: Any) -> Tool:
    """Return a tool that tells what it gets; see ``tools/echo_tool.py``."""
    fields: dict[str, Any] = {
        "name": name,
        "title": "Echo",
        "command": (sys.executable, str(ECHO_TOOL), "--socket", "{socket}", "--base-url", "{base_url}"),
        "ready_path": "/ready",
        "start_timeout_seconds": 30,
    }
    return Tool(**{**fields, **changes})


class LabServer:
    """A running Jupyter server."""

    def __init__(self, folder: Path, tools: list[Tool], config: str = "", environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.home, self.root, self.log = folder / "home", folder / "home" / "work", folder / "server.log"
        # Short, because Unix sockets lie in it.
        self.temporary = Path(tempfile.mkdtemp(prefix="ly"))
        self.root.mkdir(parents=True)
        self.tools_file = folder / "tools.json"
        self.write_tools(tools)
        self.port = free_port()
        (folder / "config.py").write_text(
            "c = get_config()\n"
            "c.ServerApp.jpserver_extensions = {'labyard_lab': True, 'jupyter_server_proxy': True}\n"
            f"c.ServerApp.root_dir = {str(self.root)!r}\nc.IdentityProvider.token = {TOKEN!r}\n"
            f"c.ServerApp.port = {self.port}\nc.ServerApp.port_retries = 0\nc.ServerApp.ip = '127.0.0.1'\n"
            "c.ServerApp.base_url = '/user/ada/'\nc.ServerApp.allow_root = True\nc.ServerApp.open_browser = False\n" + config
        )
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "LABYARD"))},
            "HOME": str(self.home), "TMPDIR": str(self.temporary), "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "LABYARD_TOOLS_FILE": str(self.tools_file),
            "JUPYTERHUB_API_TOKEN": "secret-of-the-hub", "JUPYTERHUB_USER": "ada", "JUPYTERHUB_BASE_URL": "/", **(environment or {}),
        }  # fmt: skip
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
            self.environment.pop(name, None)
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/user/ada/"

    @property
    def api(self) -> str:
        return self.url + "labyard/api/v1/"

    def write_tools(self, tools: list[Tool]) -> None:
        self.tools_file.write_text(json.dumps([tool.model_dump(mode="json") for tool in tools]))

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", "--config", str(self.folder / "config.py")],
                env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.client = httpx.Client(base_url=self.api, headers={"Authorization": f"token {TOKEN}"}, timeout=60)
        wait_until(self._answers, "the Jupyter server")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("tools").status_code == 200
        except httpx.TransportError:
            return False

    def open(self, tool: str, folder: str | None = None) -> dict[str, Any]:
        """Open a tool and wait until it runs."""
        response = self.client.post("instances", json={"tool": tool, "folder": folder})
        assert response.status_code in (200, 201), response.text
        return self.wait_for(response.json()["id"], "running")

    def wait_for(self, instance: str, state: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until an instance is in a state, and return it."""

        def reached() -> dict[str, Any] | None:
            model: dict[str, Any] = self.client.get(f"instances/{instance}").json()
            if state == "running":
                assert model["state"] != "failed", model
            return model if model["state"] == state else None

        return wait_until(reached, f"{instance} {state}", seconds)

    def tool_url(self, instance: dict[str, Any], path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{instance['url']}{path}"

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(30)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.temporary, ignore_errors=True)


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., LabServer]]:
    """Start Jupyter servers that end with the test."""
    servers: list[LabServer] = []

    def make(tools: list[Tool], **options: Any) -> LabServer:
        servers.append(LabServer(tmp_path / f"server{len(servers)}", tools, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.remove()


@pytest.fixture(scope="module")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A Jupyter server with echo tools, for a whole module."""
    server = start_echo_server(tmp_path_factory.mktemp("echo"))
    yield server
    server.remove()


def start_echo_server(folder: Path) -> LabServer:
    by_port = (sys.executable, str(ECHO_TOOL), "--port", "{port}", "--base-url", "{base_url}")
    return LabServer(
        folder,
        [
            echo_tool(),
            echo_tool("stripped", strip_prefix=True),
            echo_tool("trusted", forward_credentials=True),
            echo_tool("by-port", command=by_port),
            echo_tool("per-folder", opens_folder=True),
            echo_tool("knows-users", forward_user=True),
            echo_tool("baker"),
            echo_tool("stripped-baker", strip_prefix=True),
        ],
    )
