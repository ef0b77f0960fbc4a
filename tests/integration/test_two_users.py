"""What one user can do to another, by the web and by the machine: nothing."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from labyard_hub.backends.local.accounts import Account, find_account
from labyard_lab.running_tools.environment import is_secret
from tests.integration.kernels import server_environment
from tests.platform import Browserless, RunningPlatform, is_root, named, wait_until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.integration]

PASSWORD = "correct horse battery"
SECRET = "only-for-ada-7c1f"

ROUTES = (
    "", "lab", "lab/tree/secret.txt", "tree", "notebooks/secret.txt", "edit/secret.txt", "files/secret.txt", "view/secret.txt", "nbconvert/html/secret.txt",
    "api", "api/me", "api/status", "api/contents", "api/contents/secret.txt", "api/kernels", "api/kernelspecs", "api/sessions", "api/terminals",
    "terminals/1", "terminals/websocket/1", "api/events/subscribe", "api/kernels/{kernel}", "api/kernels/{kernel}/channels", "lsp/ws/x", "metrics",
    "labyard/api/v1/tools", "labyard/api/v1/instances", "labyard/api/v1/instances/{tool}", "labyard/tools/{tool}/", "labyard/tools/{tool}/data/logdir",
    "proxy/{port}/", "proxy/absolute/{port}/", "proxy/127.0.0.1:{port}/", "server-proxy/servers-info", "lab/api/settings", "lab/api/workspaces",
    "lab/api/listings", "lab/extensions/labyard-lab/static/style.js", "api/spec.yaml", "oauth_callback", "logout",
)  # fmt: skip
"""Under ``/user/ada/``: of Jupyter Server, JupyterLab, Notebook 7, the tool proxies and ours."""


@dataclass
class TwoUsers:
    running: RunningPlatform
    ada: Browserless
    bob: Browserless
    ada_token: str
    bob_token: str
    kernel: str
    tool: str
    port: int

    def route(self, path: str) -> str:
        return named(f"{self.running.url}user/ada/" + path.format(kernel=self.kernel, tool=self.tool, port=self.port))


@pytest.fixture(scope="module")
def users(shared_platform: RunningPlatform) -> Iterator[TwoUsers]:
    running = shared_platform
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sessions = {}
        for name in ("ada", "bob"):
            running.ensure_user(name, PASSWORD)
            sessions[name] = running.session(name, PASSWORD)
            sessions[name].start_server(name)
        tokens = {name: session.token(name) for name, session in sessions.items()}
        server = running.client("user/ada/", tokens["ada"])
        server.put("api/contents/secret.txt", json={"type": "file", "format": "text", "content": SECRET}).raise_for_status()
        server.put("api/contents/runs", json={"type": "directory"}).raise_for_status()
        kernel = server.post("api/kernels", json={"name": "python3"}).json()["id"]
        tool = server.post("labyard/api/v1/instances", json={"tool": "tensorboard", "folder": "runs"}).json()["id"]
        wait_until(lambda: server.get(f"labyard/api/v1/instances/{tool}").json()["state"] == "running", "TensorBoard runs", 60)
        yield TwoUsers(
            running, sessions["ada"], sessions["bob"], tokens["ada"], tokens["bob"], kernel, tool, int(listener.getsockname()[1])
        )
    for name in sessions:
        running.stop_server(name)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_no_route_of_anothers_server_answers(users: TwoUsers, method: str, path: str) -> None:
    answers = {
        "nobody": httpx.request(method, users.route(path), timeout=30),
        "a wrong token": httpx.request(method, users.route(path), headers={"Authorization": "token wrong"}, timeout=30),
        "bob's token": httpx.request(method, users.route(path), headers={"Authorization": f"token {users.bob_token}"}, timeout=30),
        "bob's browser": users.bob.http.request(method, users.route(path)),
    }
    for who, answer in answers.items():
        assert SECRET not in answer.text, who
        refused = answer.status_code in (401, 403, 404, 405) or answer.status_code in (302, 303) or _is_static(path, answer)
        signed_in_elsewhere = answer.status_code == 200 and answer.url.path.startswith("/hub/")
        preflight = method == "OPTIONS" and answer.status_code in (200, 204) and not answer.text
        assert refused or signed_in_elsewhere or preflight, f"{who}: {method} {path} → {answer.status_code} {answer.url}"


def _is_static(path: str, answer: httpx.Response) -> bool:
    """Files of the packages, the same for everybody, need no sign-in; nor do signing in and out."""
    return path in ("logout", "api", "oauth_callback") or path.startswith("lab/extensions/")


def test_nothing_changed(users: TwoUsers) -> None:
    """After every route was called with every method, all that ada had is there."""
    server = users.running.client("user/ada/", users.ada_token)
    assert server.get("api/contents/secret.txt").json()["content"] == SECRET
    assert [kernel["id"] for kernel in server.get("api/kernels").json()] == [users.kernel]
    assert [one["id"] for one in server.get("labyard/api/v1/instances").json()["instances"]] == [users.tool]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "users/ada"), ("DELETE", "users/ada"), ("PATCH", "users/ada"), ("POST", "users/ada/server"), ("DELETE", "users/ada/server"),
        ("GET", "users/ada/tokens"), ("POST", "users/ada/tokens"), ("GET", "users/ada/server/progress"), ("POST", "users/eve"), ("GET", "users"),
        ("POST", "shares/ada/"), ("POST", "share-codes/ada/"), ("GET", "proxy"), ("POST", "proxy"), ("POST", "shutdown"), ("GET", "services"),
    ],
)  # fmt: skip
def test_nor_does_the_hubs_api(users: TwoUsers, method: str, path: str) -> None:
    answer = users.bob.hub_api(method, path, **({"json": {}} if method in ("POST", "PATCH") else {}))
    if answer.status_code == 200:
        # JupyterHub filters listings to what one may see.
        assert "ada" not in answer.text, answer.text
    else:
        assert answer.status_code in (403, 404), answer.text


def test_a_token_with_too_narrow_a_scope_opens_nothing_else(users: TwoUsers) -> None:
    narrow = users.bob.token("bob", scopes=["read:users:name!user"])
    for path in ("user/bob/api/contents", "services/labyard/api/v1/me", "services/mlflow/api/2.0/mlflow/experiments/search"):
        answer = httpx.get(named(users.running.url + path), headers={"Authorization": f"token {narrow}"}, timeout=30)
        assert answer.status_code == 403, f"{path}: {answer.status_code} {answer.text}"
    assert httpx.get(f"{users.running.url}hub/api/user", headers={"Authorization": f"token {narrow}"}).status_code == 200


needs_isolation = pytest.mark.skipif(not is_root(), reason="users are isolated when started as root")


def run_as(account: Account, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--no-new-privs", *command],
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@needs_isolation
def test_the_machine_keeps_them_apart(users: TwoUsers) -> None:
    state = users.running.state
    ada, bob = find_account("ada", state), find_account("bob", state)
    assert ada is not None
    assert bob is not None
    server = json.loads((state.run_private / "servers" / "ada.json").read_text())["pid"]
    family = [psutil.Process(server), *psutil.Process(server).children(recursive=True)]
    assert {process.uids().real for process in family} == {ada.uid}
    assert len(family) >= 3  # server, kernel, TensorBoard
    runtime = Path(server_environment(users.running, "ada", users.ada_token)["JUPYTER_RUNTIME_DIR"])
    assert next(runtime.glob("kernel-*-ipc-*")).is_socket()
    for path in (
        ada.home,
        ada.home / "secret.txt",
        runtime,
        state.secrets,
        state.identity_database,
        state.mlflow,
        state.hub,
        state.logs,
        state.run_private,
    ):
        done = run_as(bob, "sh", "-c", f"ls '{path}' && cat '{path}'")
        assert done.returncode != 0, path
        assert SECRET not in done.stdout
    for process in family:
        for entry in ("environ", "mem", "cwd/", "fd/", "root/"):
            assert run_as(bob, "ls" if entry.endswith("/") else "cat", f"/proc/{process.pid}/{entry}").returncode != 0, entry
        assert run_as(bob, "kill", "-0", str(process.pid)).returncode != 0


WALK = """
import os, sys
for path in sys.stdin.read().split("\\0"):
    for flags in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.close(os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK))
        except OSError:
            continue
        print(path)
        break
"""
"""Prints which of the paths on its standard input its account can read, list or write."""


@needs_isolation
def test_the_whole_state_folder_is_closed_to_strangers_and_members(users: TwoUsers) -> None:
    state = users.running.state
    users.running.client("services/labyard/api/v1/", users.ada_token).post("projects", json={"name": "walked"}).raise_for_status()
    ada, bob = find_account("ada", state), find_account("bob", state)
    assert ada is not None
    assert bob is not None
    roots = (state.root, Path("/run/labyard") / state.instance)
    paths = [path for root in roots for path in (root, *root.rglob("*")) if not path.is_symlink()]
    assert {state.database, state.root / "labyard.db-wal", state.identity_database, ada.home / "secret.txt"} <= set(paths)
    nobody = Account("nobody", "nobody", 65534, 65534, Path("/"))
    for account, own in ((nobody, ()), (bob, (bob.home, state.project_views / "bob"))):
        runtimes = [path for path in roots[1].iterdir() if path.stat().st_uid == account.uid]
        allowed = (state.run_public, state.root / "environments", *own, *runtimes)
        done = run_as(account, sys.executable, "-c", WALK, stdin="\0".join(map(str, paths)))
        opened = [path for path in map(Path, done.stdout.splitlines()) if not any(path.is_relative_to(one) for one in allowed)]
        assert done.returncode == 0, done.stderr
        assert opened == [], account.user
        assert all(str(one) in done.stdout.splitlines() for one in (state.run_public, *own))


@needs_isolation
def test_only_the_server_itself_listens_on_the_network(users: TwoUsers) -> None:
    """Kernels and tools use Unix sockets: on TCP every account of the machine could connect."""
    server = json.loads((users.running.state.run_private / "servers" / "ada.json").read_text())["pid"]
    for process in psutil.Process(server).children(recursive=True):
        listening = [connection for connection in process.net_connections() if connection.status == psutil.CONN_LISTEN]
        # A kernel has one TCP socket, on which only output of its own forked children comes in, each message with a random key.
        allowed = 1 if "ipykernel_launcher" in process.cmdline() else 0
        assert len(listening) <= allowed, process.cmdline()


@needs_isolation
def test_no_kernel_offers_its_debugger(users: TwoUsers) -> None:
    """It would listen on TCP without a password."""
    server = users.running.client("user/ada/", users.ada_token)
    assert server.get("api/kernelspecs/python3").json()["spec"]["metadata"]["debugger"] is False


@needs_isolation
def test_no_new_privileges_and_limits(users: TwoUsers) -> None:
    server = json.loads((users.running.state.run_private / "servers" / "ada.json").read_text())["pid"]
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server}/status").read_text().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0
    assert status["Groups"].split() in ([], [str(psutil.Process(server).gids().real)])
    limits = [line.split() for line in Path(f"/proc/{server}/limits").read_text().splitlines()]
    assert ["Max", "core", "file", "size", "0", "0", "bytes"] in limits


def test_servers_get_nothing_of_the_callers_environment(users: TwoUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = server_environment(users.running, "ada", users.ada_token)
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert "PYTEST_CURRENT_TEST" not in environment
    assert users.running.state.secret("service_token") not in environment.values()
    assert users.running.state.secret("cookie_secret") not in environment.values()


def test_which_credentials_a_server_has_and_what_they_open(users: TwoUsers) -> None:
    """A new one needs a line in the table of docs/explanation/security.md."""
    environment = server_environment(users.running, "ada", users.ada_token)
    looks_secret = re.compile(r"[0-9a-f]{32}|(TOKEN|SECRET|PASSWORD|KEY|COOKIE)", re.IGNORECASE)
    found = {name for name, value in environment.items() if is_secret(name) or looks_secret.search(f"{name}={value}")}
    found -= {"JUPYTERHUB_COOKIE_OPTIONS", "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED"}  # settings
    assert found == {"JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "LABYARD_MLFLOW_TOKEN"}
    token = environment["LABYARD_MLFLOW_TOKEN"]
    paths = {
        "services/mlflow/api/2.0/mlflow/experiments/search?max_results=1": 200,
        "services/labyard/api/v1/me": 403, "services/labyard/api/v1/projects": 403, "user/ada/api/contents": 403, "user/bob/api/contents": 403,
        "hub/api/users/ada/tokens": 403, "hub/api/users/bob": 404, "hub/api/users": 403,
    }  # fmt: skip
    caller = users.running.client("", token)
    wait_until(lambda: caller.get("services/mlflow/health").status_code == 200, "MLflow answers", 90)
    assert {path: caller.get(path).status_code for path in paths} == paths
    assert caller.post("hub/api/users/ada/tokens", json={}).status_code == 403
    notes = [one["note"] for one in users.ada.hub_api("GET", "users/ada/tokens").json()["api_tokens"]]
    assert notes.count("MLflow in ada/") == 1


@pytest.mark.skipif(not is_root(), reason="needs accounts of their own")
def test_a_tool_s_way_follows_no_link_to_anothers_socket(users: TwoUsers) -> None:
    """The server goes where its user's files lead, so it may be led anywhere that the user may go, and no further."""
    running = users.running
    path = f"labyard/tools/{users.tool}/"
    assert running.client("user/ada/", users.ada_token).get(path).status_code == 200
    theirs = next(Path("/run/labyard").glob(f"{running.state.instance}/*/labyard-tools-*/*.sock"))
    mine = running.client("user/bob/", users.bob_token)
    mine.put("api/contents/runs", json={"type": "directory"}).raise_for_status()
    tool = mine.post("labyard/api/v1/instances", json={"tool": "tensorboard", "folder": "runs"}).json()["id"]
    wait_until(lambda: mine.get(f"labyard/api/v1/instances/{tool}").json()["state"] == "running", "TensorBoard runs", 60)
    assert mine.get(f"labyard/tools/{tool}/").status_code == 200
    sockets = Path("/run/labyard").glob(f"{running.state.instance}/*/labyard-tools-*/*.sock")
    own = next(one for one in sockets if one.stat().st_uid != theirs.stat().st_uid)
    own.unlink()
    own.symlink_to(theirs)
    answer = mine.get(f"labyard/tools/{tool}/")
    assert answer.status_code == 502
    assert "does not take connections" in answer.json()["error"]["message"]
