"""A real Jupyter server that starts kernels of the workbench as the platform's single-user servers do."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

import labyard_lab
from labyard_hub.backends.local.environments import EnvironmentStore, kernels
from labyard_hub.hub_process.local.spawner import SINGLEUSER
from tests.integration.kernels import KernelConnection
from tests.labyard_lab.conftest import TOKEN, LabServer
from tests.waiting import wait_until

PROGRAM = str(Path(labyard_lab.__file__).parent / "environment_programs" / "kernel_fork.py")
AS_JUPYTER = (
    "c.KernelProvisionerFactory.default_provisioner_name = 'local-provisioner'\n"
    "c.ServerApp.kernel_websocket_connection_class = 'jupyter_server.services.kernels.connection.channels.ZMQChannelsWebsocketConnection'\n"
)
"""Configuration that undoes what is ours."""

STOCK = "stock"
"""Name of a kernel that is the default one, but for its start, which is Jupyter's own."""


class KernelServer:
    """The server and what one does with kernels in it."""

    def __init__(self, server: LabServer) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, headers={"Authorization": f"token {TOKEN}"}, timeout=60)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.server.process.pid)

    def describe(self, name: str, spec: dict[str, Any]) -> None:
        """Add a kernel of the user's own."""
        folder = self.server.home / ".local" / "share" / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec))

    def open_page(self) -> None:
        """Ask for what a page asks for when it opens, and wait until a kernel can be forked."""
        self.client.get("api/kernelspecs").raise_for_status()
        self.wait_until_ready()

    def wait_until_ready(self, count: int = 1) -> None:
        wait_until(
            lambda: {one.pid for one in self.fork_servers()} <= self._told_ready() and len(self.fork_servers()) >= count,
            "a fork server is ready",
        )

    def _told_ready(self) -> set[int]:
        return {int(pid) for pid in re.findall(r"fork server (\d+) is ready", self.server.log.read_text())}

    def forked(self) -> list[psutil.Process]:
        """The kernels that a fork server made."""
        return [child for child in self._running_program() if _threads(child) > 1]

    def fork_servers(self) -> list[psutil.Process]:
        """The fork servers: they run no thread."""
        return [child for child in self._running_program() if _threads(child) == 1]

    def _running_program(self) -> list[psutil.Process]:
        return [child for child in self.process.children() if _runs_program(child)]

    def start(self, name: str = "python3", path: str | None = None) -> dict[str, Any]:
        """Start a kernel with a notebook's session, and return the session."""
        path = path or f"{uuid.uuid4().hex}.ipynb"
        opened = self.client.post("api/sessions", json={"path": path, "name": path, "type": "notebook", "kernel": {"name": name}})
        assert opened.status_code == 201, opened.text
        return dict(opened.json())

    def connect(self, session: dict[str, Any], *, timeout_seconds: float = 120) -> KernelConnection:
        return KernelConnection(self.server.url, session["kernel"]["id"], TOKEN, timeout_seconds=timeout_seconds)

    def end(self, session: dict[str, Any]) -> None:
        self.client.delete(f"api/sessions/{session['id']}").raise_for_status()


def _runs_program(process: psutil.Process) -> bool:
    try:
        return PROGRAM in process.cmdline()
    except psutil.Error:  # it has ended
        return False


def _threads(process: psutil.Process) -> int:
    try:
        return int(process.num_threads())
    except psutil.Error:  # it has ended
        return 0


@contextmanager
def open_kernel_server(folder: Path, config: str = "", **environment: str) -> Iterator[KernelServer]:
    """Start the server, with the configuration that the platform's servers read."""
    specs = kernels(EnvironmentStore.default(folder).ensure("workbench"), isolated=False)
    runtime = tempfile.mkdtemp(prefix="lyk")  # short: Unix sockets lie in it
    platform = SINGLEUSER / "jupyter_server_config.json"
    server = LabServer(
        folder / "server", [], f"import json\nfrom traitlets.config import Config\nc.merge(Config(json.load(open({str(platform)!r}))))\n{config}\n",
        {"JUPYTER_PATH": str(specs), "JUPYTER_RUNTIME_DIR": runtime, **environment},
    )  # fmt: skip
    opened = KernelServer(server)
    try:
        spec = json.loads((specs / "kernels" / "python3" / "kernel.json").read_text())
        opened.describe(STOCK, {**spec, "metadata": {**spec["metadata"], "kernel_provisioner": {"provisioner_name": "local-provisioner"}}})
        yield opened
    finally:
        opened.client.close()
        server.remove()
        shutil.rmtree(runtime, ignore_errors=True)
