"""Starts a real `labyard up` in a process of its own, and stops it."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import Cookie, CookieJar
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from labyard.exceptions import LabyardError
from labyard_hub.config.origins import LOOPBACK_NAME, server_label
from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.supervisor.control import stop_platform
from tests.waiting import wait_until

START_TIMEOUT_SECONDS = 180
LABYARD = str(Path(sys.prefix) / "bin" / "labyard")


_getaddrinfo = socket.getaddrinfo


def _as_browsers_do(host: Any, *arguments: Any, **options: Any) -> Any:
    """Resolve each name below ``localhost`` to this machine. The C library does not everywhere."""
    is_here = os.fsdecode(host or "").endswith(".localhost")  # asyncio's clients ask with bytes
    return _getaddrinfo("127.0.0.1" if is_here else host, *arguments, **options)


socket.getaddrinfo = _as_browsers_do


def skip_without(what: str) -> NoReturn:
    """Skip a test that needs `what` of the machine. In CI it fails: there a part that is missing must not pass for tested."""
    text = f"this machine does not let us {what}"
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)


@dataclass
class RunningPlatform:
    """A `labyard up` that runs."""

    root: Path
    process: subprocess.Popen[str]
    prefix: tuple[str, ...] = ()
    program: str = LABYARD
    events: list[dict[str, Any]] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.root)

    @property
    def platform(self) -> Platform:
        found = Platform.read(self.state)
        assert found is not None
        return found

    @property
    def url(self) -> str:
        return self.platform.url

    def last(self, kind: str) -> dict[str, Any] | None:
        return next((event for event in reversed(self.events) if event["event"] == kind), None)

    @property
    def setup_url(self) -> str:
        event = self.last("setup")
        assert event is not None, self.events
        return str(event["url"])

    def labyard(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `labyard` on this state folder, as whoever started the platform."""
        return labyard(*arguments, "--state-dir", str(self.root), stdin=stdin, check=check, prefix=self.prefix, program=self.program)

    def session(self, name: str, password: str) -> Browserless:
        """Sign in, and close the connections when the platform stops."""
        session = Browserless(self.url)
        self.clients.append(session.http)
        session.sign_in(name, password)
        return session

    def client(self, path: str, token: str) -> httpx.Client:
        """Return a client for the URLs below `path` that sends `token`."""
        client = Http(self.url + path, headers={"Authorization": f"token {token}"}, timeout=60)
        self.clients.append(client)
        return client

    def add_user(self, name: str, password: str, *, admin: bool = False) -> None:
        self.labyard("user", "add", name, *(["--admin"] if admin else []), "--password-stdin", stdin=password + "\n")

    def ensure_user(self, name: str, password: str) -> None:
        """Add a user unless an earlier test of this platform has."""
        if name not in {one["name"] for one in json.loads(self.labyard("user", "list", "--json").stdout)}:
            self.add_user(name, password)

    def stop_server(self, name: str) -> None:
        """Stop a user's server if it runs, and wait for its end."""
        hub = self.client("hub/api/", self.state.secret("cli_token"))
        hub.delete(f"users/{name}/server")
        wait_until(lambda: "" not in hub.get(f"users/{name}").json()["servers"], "the server ends")

    def process_id(self, name: str) -> int:
        """Return the process id of a part of the platform: hub, proxy, service, mlflow."""
        return int(json.loads((self.state.run_private / "processes" / f"{name}.json").read_text())["pid"])

    def log(self, name: str) -> str:
        return (self.state.logs / f"{name}.log").read_text(errors="replace")


def labyard(
    *arguments: str, stdin: str = "", check: bool = True, prefix: Sequence[str] = (), program: str = LABYARD
) -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it printed."""
    done = subprocess.run([*prefix, program, *arguments], input=stdin, capture_output=True, text=True, timeout=120, check=False)
    assert not check or done.returncode == 0, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def remove_account(name: str) -> None:
    """Remove a Unix account, once its last processes have ended: `userdel` refuses one in use with status 8."""
    wait_until(lambda: subprocess.run(["userdel", name], check=False).returncode == 0, f"the account {name} is removed")


@contextmanager
def open_temporary_folder() -> Iterator[Path]:
    """Make a temporary folder that other accounts can reach."""
    with tempfile.TemporaryDirectory(prefix="labyard-test-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            for entry in pwd.getpwall() if is_root() else []:
                if entry.pw_dir.startswith(f"{folder}/"):
                    remove_account(entry.pw_name)


@contextmanager
def start_platform(
    root: Path,
    *options: str,
    tools: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    prefix: Sequence[str] = (),
    program: str = LABYARD,
) -> Iterator[RunningPlatform]:
    """Start `labyard up --port 0` on the state folder `root` and stop it at the end of the block.

    Parameters
    ----------
    tools
        Built-in tools to enable. MLflow's first start costs more than all other parts together, so a test asks for what it uses.
    config
        Further settings. Settings go to `config.yaml` beside `root`, unless `options` name another file.
    prefix
        A command that runs it as another user.
    program
        The `labyard` of another installation.
    """
    if "--config" not in options:
        settings = root.parent / "config.yaml"
        settings.write_text(json.dumps({"tools": {"enabled": list(tools)}, **(config or {})}))
        options = ("--config", str(settings), *options)
    process = subprocess.Popen(
        [*prefix, program, "up", "--state-dir", str(root), "--port", "0", "--no-browser", "--json", *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", start_new_session=True,
    )  # fmt: skip
    running = RunningPlatform(root, process, tuple(prefix), program)
    reader = threading.Thread(target=_read, args=(running,), daemon=True)
    reader.start()
    try:
        wait_until(
            lambda: running.last("ready") or running.last("setup") or process.poll() is not None, "labyard up", START_TIMEOUT_SECONDS
        )
        assert process.poll() is None, f"labyard up ended: {running.events}"
        yield running
    finally:
        for client in running.clients:
            client.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            with contextlib.suppress(LabyardError):  # what `labyard down` does
                stop_platform(root)
            reader.join(5)
            assert process.stdout is not None
            process.stdout.close()


def _read(running: RunningPlatform) -> None:
    assert running.process.stdout is not None
    for line in running.process.stdout:
        try:
            running.events.append(json.loads(line))
        except ValueError:
            running.events.append({"event": "text", "message": line.rstrip()})


def named(url: str) -> str:
    """Return `url` at the name of the user whose path it is: ``http://ada.labyard.localhost/user/ada/lab`` for ``http://labyard.localhost/user/ada/lab``."""
    parts = urlsplit(url)
    found = re.match(r"/user/([^/?#]+)", parts.path)
    if found is None or parts.hostname != LOOPBACK_NAME:
        return url
    return url.replace(f"//{parts.netloc}", f"//{server_label(unquote(found[1]))}.{parts.netloc}", 1)


class _Cookies(CookieJar):
    def set_cookie(self, cookie: Cookie) -> None:
        """Keep a cookie. Browsers send secure ones to names of this machine without TLS too."""
        cookie.secure = cookie.secure and not cookie.domain.endswith(".localhost")
        super().set_cookie(cookie)


class Http(httpx.Client):
    """A client that keeps cookies as browsers do, and asks for ``/user/NAME/`` at that user's own name."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(base_url=url, cookies=_Cookies(), trust_env=False, **options)

    def _merge_url(self, url: httpx.URL | str) -> httpx.URL:
        return httpx.URL(named(str(super()._merge_url(url))))


class Browserless:
    """A signed-in session without a browser: cookies, XSRF token, redirects.

    It follows what a browser would: the sign-in form, the hub's OAuth redirects of servers and services.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = Http(url, follow_redirects=True, timeout=60)

    @property
    def xsrf(self) -> str:
        """The newest XSRF token; servers and the hub set one each, by path."""
        return next((cookie.value or "" for cookie in self.http.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/"), "")

    def sign_in(self, name: str, password: str, **form: str) -> httpx.Response:
        page = self.http.get("hub/login")
        token = re.search(r'name="_xsrf"\s+value="([^"]+)"', page.text)
        assert token is not None, page.text
        return self.http.post("hub/login", data={"username": name, "password": password, "_xsrf": token[1], **form})

    def hub_api(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.request(method, f"hub/api/{path}", headers={"X-XSRFToken": self.xsrf, "Referer": f"{self.url}hub/home"}, **kwargs)

    def start_server(self, name: str, timeout_seconds: float = 90, options: dict[str, Any] | None = None) -> None:
        answer = self.hub_api("POST", f"users/{name}/server", json={"user_options": options})
        assert answer.status_code in (201, 202), answer.text
        wait_until(lambda: self.hub_api("GET", f"users/{name}").json()["servers"].get("", {}).get("ready"), "server ready", timeout_seconds)

    def token(self, name: str, **body: Any) -> str:
        """Make an API token."""
        answer = self.hub_api("POST", f"users/{name}/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


def is_root() -> bool:
    return os.geteuid() == 0
