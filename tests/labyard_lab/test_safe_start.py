"""A server that its owner's configuration, or a full home, would keep from starting. A real `labyard-singleuser`; the hub is a small web server that knows one person."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.platform import is_root, wait_until
from tests.workers import free_port

ASKED = "You asked for it when you started this server."


@dataclass
class Hub:
    """What the server has told."""

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    known = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            user = {
                "name": "ada",
                "kind": "user",
                "admin": False,
                "groups": [],
                "scopes": ["access:servers!server=ada/"],
                "session_id": None,
            }
            self._answer(user if self.path.endswith("/user") else {"version": "6.1.1"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "/ready/" in self.path:
                known.told.append(json.loads(body))
            self._answer({})

        def _answer(self, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-JupyterHub-Version", "6.1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_address[1]}/hub/api"
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


@contextlib.contextmanager
def started(hub: Hub, home: Path, **variables: str) -> Iterator[httpx.Client]:
    """Run ada's server until the end of the block."""
    hub.told.clear()
    port = free_port()
    (home.parent / "runtime").mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home.parent / "runtime"), "JUPYTERHUB_USER": "ada",
        "JUPYTERHUB_API_TOKEN": "own", "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_BASE_URL": "/", "JUPYTERHUB_HOST": "", "JUPYTERHUB_CLIENT_ID": "c",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/ada/oauth_callback", "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!server=ada/"]',
        "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/", "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/user/ada/", "JUPYTERHUB_SERVER_NAME": "",
        "JUPYTERHUB_ACTIVITY_URL": f"{hub.url}/users/ada/activity", **variables,
    }  # fmt: skip
    arguments = ["--allow-root"] if is_root() else []
    log = home.parent / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-P", "-m", "labyard_lab.singleuser", *arguments]
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=output, stderr=subprocess.STDOUT)
    headers = {"Authorization": "token ada"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/user/ada/", headers=headers, timeout=30, trust_env=False) as client:
            wait_until(lambda: hub.told or process.poll() is not None, "the server starts", 90)
            assert process.poll() is None, log.read_text()
            yield client
    finally:
        process.terminate()
        process.wait(30)


def reason(hub: Hub, server: httpx.Client) -> str:
    """Return what hub and page are both told of a safe start; empty if there was none."""
    page = server.get("lab").text
    config = json.loads(page.partition('id="jupyter-config-data" type="application/json">')[2].partition("</script>")[0])
    assert hub.told == [{"safe_start": config["labyardSafeStart"]}]
    return str(config["labyardSafeStart"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".jupyter").mkdir(parents=True)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ("raise SystemExit", "SystemExit"),
        ("c.ServerApp.root_dir = '/nonexistent'", "/nonexistent"),
        ("import nothing_of_this_name", ""),  # Jupyter itself tells of it in its log, and goes on
    ],
)
def test_a_broken_configuration_is_left_out(hub: Hub, home: Path, configuration: str, words: str) -> None:
    (home / ".jupyter" / "jupyter_server_config.py").write_text(configuration)
    with started(hub, home) as server:
        told = reason(hub, server)
        assert words in told
        assert bool(told) is bool(words)
        assert server.get("api/contents").status_code == 200


def test_packages_of_ones_own_do_not_stand_in_the_way(hub: Hub, home: Path) -> None:
    folder = home / ".local" / "lib" / f"python3.{sys.version_info[1]}" / "site-packages" / "jupyterhub"
    folder.mkdir(parents=True)
    (home / ".jupyter" / "jupyter_server_config.py").write_text("import tornado_of_my_own, sys; sys.exit(3)")
    with started(hub, home, LABYARD_SAFE_START="1") as server:
        assert reason(hub, server) == ASKED


def test_it_can_be_asked_for(hub: Hub, home: Path) -> None:
    (home / ".jupyter" / "jupyter_server_config.py").write_text("c.ServerApp.terminals_enabled = False")
    with started(hub, home) as server:
        assert reason(hub, server) == ""
        assert server.get("api/terminals").status_code == 404
    with started(hub, home, LABYARD_SAFE_START="1") as server:
        assert reason(hub, server) == ASKED
        assert server.get("api/terminals").status_code == 200


@pytest.mark.skipif(not is_root(), reason="mounts a small file system")
def test_a_full_home_locks_nobody_out(hub: Hub, home: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(home)], check=False).returncode != 0:
        pytest.skip("this machine lets us mount nothing")
    try:
        (home / ".ipython").mkdir()  # from which Jupyter looks for what to migrate
        with contextlib.suppress(OSError), (home / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 1024)
        with started(hub, home) as server:
            assert "home folder is full" in reason(hub, server)
            assert server.delete("api/contents/filler").status_code == 204
            assert not (home / "filler").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)
