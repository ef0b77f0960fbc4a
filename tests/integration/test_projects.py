"""Projects on a real `labyard up` with isolation: what members can do in servers that run already, and what nobody else can."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import websocket

from tests.integration.kernels import KernelConnection
from tests.platform import Browserless, RunningPlatform, is_root, named, open_temporary_folder, start_platform, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_root(), reason="isolation needs root: without it the kernel enforces nothing"),
]

PASSWORD = "correct horse battery"
PEOPLE = ("ada", "bob", "carol", "dan")
LIMIT_SECONDS = 10
"""A change must be in force within this time."""


@dataclass
class Team:
    """People whose servers run."""

    running: RunningPlatform
    sessions: dict[str, Browserless] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    servers: dict[str, httpx.Client] = field(default_factory=dict)
    service: dict[str, httpx.Client] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.sessions[name] = self.running.session(name, PASSWORD)
        self.sessions[name].start_server(name)
        self.tokens[name] = self.sessions[name].token(name)
        self.servers[name] = self.running.client(f"user/{name}/", self.tokens[name])
        self.service[name] = self.running.client("services/labyard/api/v1/", self.tokens[name])

    def call(self, name: str, method: str, path: str, status: int, body: Any = None) -> Any:
        answer = self.service[name].request(method, path, json=body)
        assert answer.status_code == status, f"{name}: {method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def read(self, name: str, path: str) -> httpx.Response:
        return self.servers[name].get(f"api/contents/{path}")

    def write(self, name: str, path: str, content: str) -> httpx.Response:
        return self.servers[name].put(f"api/contents/{path}", json={"type": "file", "format": "text", "content": content})

    def kernel(self, name: str) -> str:
        return str(self.servers[name].post("api/kernels", json={"name": "python3"}).raise_for_status().json()["id"])

    def connect(self, name: str, kernel: str) -> KernelConnection:
        return KernelConnection(f"{self.running.url}user/{name}/", kernel, self.tokens[name])


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("tools: {enabled: [tensorboard]}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            team = Team(running)
            for name in PEOPLE:
                running.add_user(name, PASSWORD)
            with ThreadPoolExecutor(2) as threads:
                list(threads.map(team.start, PEOPLE))
            yield team


@pytest.fixture
def vision(team: Team) -> Iterator[dict[str, Any]]:
    """A project of ada's with a file, its own for each test."""
    made = team.call("ada", "POST", "projects", 201, {"name": "vision"})
    assert team.write("ada", "projects/vision/readme.txt", "by ada").status_code == 201
    yield made
    with contextlib.suppress(httpx.HTTPError):
        team.service["ada"].delete("projects/vision?confirm=vision")


def test_a_member_is_in_while_their_server_runs(team: Team, vision: dict[str, Any]) -> None:
    for name in ("bob", "carol", "dan"):
        assert team.read(name, "projects/vision/readme.txt").status_code in (403, 404)
    team.call("ada", "POST", "projects/vision/members", 201, {"user": "bob", "role": "editor"})
    team.call("ada", "POST", "projects/vision/members", 201, {"user": "carol", "role": "viewer"})
    for name in ("bob", "carol"):
        # The answer to "add" comes when it is in force.
        assert team.read(name, "projects/vision/readme.txt").json()["content"] == "by ada"
        assert [entry["name"] for entry in team.read(name, "projects").json()["content"]] == ["vision"]
    assert team.write("bob", "projects/vision/readme.txt", "by bob").status_code == 200
    assert team.write("bob", "projects/vision/new.txt", "also by bob").status_code == 201
    assert team.read("ada", "projects/vision/readme.txt").json()["content"] == "by bob"
    assert team.write("ada", "projects/vision/new.txt", "ada again").status_code == 200
    assert team.servers["ada"].get("files/projects/vision/new.txt").status_code == 200
    for closed in ("files/projects/vision/.labyard/x", "files/projects/vision"):
        assert team.servers["ada"].get(closed).status_code in (400, 403, 404), closed
    assert team.servers["ada"].delete("api/contents/projects/vision/new.txt").status_code == 204
    assert team.write("carol", "projects/vision/readme.txt", "by carol").status_code in (403, 500)
    assert team.write("carol", "projects/vision/other.txt", "by carol").status_code in (403, 500)
    assert team.read("dan", "projects/vision/readme.txt").status_code in (403, 404)
    assert team.read("ada", "projects/vision/readme.txt").json()["content"] == "by bob"


TRY_ALL = """
import os, pathlib
folder = pathlib.Path.home() / "projects" / "vision"
def attempt(action):
    try:
        action()
        return "yes"
    except OSError as error:
        return type(error).__name__
print(attempt(lambda: os.listdir(folder)), attempt(lambda: (folder / "readme.txt").read_text()), attempt(lambda: (folder / "readme.txt").open("a").close()))
"""


def test_roles_as_kernels_see_them(team: Team, vision: dict[str, Any]) -> None:
    with ThreadPoolExecutor(2) as threads:
        kernels = dict(zip(("bob", "carol"), threads.map(team.kernel, ("bob", "carol")), strict=True))
    with team.connect("bob", kernels["bob"]) as bob, team.connect("carol", kernels["carol"]) as carol:
        assert bob.result(TRY_ALL).split()[0] != "yes"
        team.call("ada", "POST", "projects/vision/members", 201, {"user": "bob", "role": "editor"})
        assert bob.result(TRY_ALL).split() == ["yes", "yes", "yes"]
        team.call("ada", "PATCH", "projects/vision/members/bob", 200, {"role": "viewer"})
        assert bob.result(TRY_ALL).split() == ["yes", "yes", "PermissionError"]
        team.call("ada", "POST", "projects/vision/archive", 200)
        team.call("ada", "POST", "projects/vision/restore", 200)
        team.call("ada", "PATCH", "projects/vision/members/bob", 200, {"role": "editor"})
        assert bob.result(TRY_ALL).split() == ["yes", "yes", "yes"]
        assert carol.result(TRY_ALL).split()[0] != "yes"
        # Whoever knows the folder's real path gets no further.
        real = team.running.state.projects / vision["id"] / "files"
        assert (
            carol.result(TRY_ALL.replace('pathlib.Path.home() / "projects" / "vision"', f"pathlib.Path({str(real)!r})")).split()[0]
            == "PermissionError"
        )


def test_a_member_who_sits_inside_is_out_within_seconds(team: Team, vision: dict[str, Any]) -> None:
    """A kernel and a terminal stand in folders that their person made, and write there again and again."""
    team.call("ada", "POST", "projects/vision/members", 201, {"user": "bob", "role": "editor"})
    kernel = team.kernel("bob")
    inside = """
import os, pathlib
os.makedirs(pathlib.Path.home() / "projects/vision/mine/deep", exist_ok=True)
os.chdir(pathlib.Path.home() / "projects/vision/mine/deep")
open("notes.txt", "a").write("x")
"""
    again = """
try:
    open("notes.txt", "a").write("x"); print("yes")
except OSError as error:
    print(type(error).__name__)
try:
    open("another.txt", "w").write("x"); print("yes")
except OSError as error:
    print(type(error).__name__)
"""
    terminal = team.servers["bob"].post("api/terminals").json()["name"]
    shell = websocket.create_connection(
        named(f"{team.running.url}user/bob/terminals/websocket/{terminal}").replace("http", "ws", 1),
        header=[f"Authorization: token {team.tokens['bob']}"], timeout=30,
    )  # fmt: skip
    try:
        with team.connect("bob", kernel) as connection:
            connection.result(inside)
            assert connection.result(again).split() == ["yes", "yes"]
            shell.send(
                json.dumps(
                    [
                        "stdin",
                        "mkdir -p ~/projects/vision/shell; cd ~/projects/vision/shell; while sleep 0.2; do date +%s.%N >> beats; done\r",
                    ]
                )
            )
            wait_until(lambda: team.read("ada", "projects/vision/shell/beats").status_code == 200, "the terminal writes")
            team.call("ada", "DELETE", "projects/vision/members/bob", 204)
            wait_until(
                lambda: connection.result(again).split() == ["PermissionError", "PermissionError"], "the kernel is out", LIMIT_SECONDS
            )
            beats = wait_until(lambda: _settled(team), "the terminal is out", LIMIT_SECONDS)
    finally:
        shell.close()
    assert beats
    assert team.read("bob", "projects").json()["content"] == []
    # Nothing of what they made is lost.
    assert team.read("ada", "projects/vision/mine/deep/notes.txt").status_code == 200
    assert team.write("ada", "projects/vision/mine/deep/notes.txt", "ada's now").status_code == 200


def _settled(team: Team) -> str:
    """Return what the terminal has written, once that grows no more."""
    before = team.read("ada", "projects/vision/shell/beats").json()["content"]
    time.sleep(0.8)  # four beats
    after = team.read("ada", "projects/vision/shell/beats").json()["content"]
    return str(after) if before == after else ""


def test_links_out_of_the_folder_lead_nobody_further(team: Team, vision: dict[str, Any]) -> None:
    team.call("ada", "POST", "projects/vision/members", 201, {"user": "bob", "role": "editor"})
    assert team.write("ada", "secret.txt", "ada's own").status_code == 201
    kernels = {name: team.kernel(name) for name in ("ada", "bob")}
    with team.connect("ada", kernels["ada"]) as ada, team.connect("bob", kernels["bob"]) as bob:
        ada.result("import os, pathlib\nhome = pathlib.Path.home()\nos.symlink(home / 'secret.txt', home / 'projects/vision/link.txt')")
        ada.result("os.symlink(home, home / 'projects/vision/home')\nos.symlink('/etc/shadow', home / 'projects/vision/shadow')")
        # Whatever the platform does to files in the folder, it does not do to what a link leads to.
        team.call("ada", "PATCH", "projects/vision/members/bob", 200, {"role": "viewer"})
        team.call("ada", "PATCH", "projects/vision/members/bob", 200, {"role": "editor"})
        code = "import pathlib\nfor name in ('link.txt', 'home/secret.txt', 'shadow'):\n    try:\n        print((pathlib.Path.home() / 'projects/vision' / name).read_text())\n    except PermissionError:\n        print('no')"
        assert bob.result(code).split() == ["no", "no", "no"]
    assert team.read("bob", "projects/vision/link.txt").status_code in (403, 404, 500)


def test_files_that_come_from_elsewhere_become_the_projects(team: Team, vision: dict[str, Any]) -> None:
    """Moved from a home, made with a narrow mode, copied with their modes, unpacked by git: the others can read and change them soon."""
    team.call("ada", "POST", "projects/vision/members", 201, {"user": "bob", "role": "editor"})
    with team.connect("ada", team.kernel("ada")) as ada:
        ada.result(
            "import os, pathlib, shutil, subprocess, tempfile\n"
            "home = pathlib.Path.home(); there = home / 'projects/vision'\n"
            "(home / 'moved').mkdir(mode=0o700); (home / 'moved/a.txt').write_text('moved'); (home / 'moved/a.txt').chmod(0o600)\n"
            "os.rename(home / 'moved', there / 'moved')\n"
            "handle, name = tempfile.mkstemp(dir=there); os.write(handle, b'narrow'); os.close(handle); os.rename(name, there / 'narrow.txt')\n"
            "(home / 'kept.txt').write_text('kept'); (home / 'kept.txt').chmod(0o400); shutil.copy2(home / 'kept.txt', there / 'kept.txt')\n"
        )
    for path in ("moved/a.txt", "narrow.txt", "kept.txt"):
        wait_until(lambda path=path: team.read("bob", f"projects/vision/{path}").status_code == 200, f"bob reads {path}", LIMIT_SECONDS)
        wait_until(
            lambda path=path: team.write("bob", f"projects/vision/{path}", "bob's").status_code == 200, f"bob writes {path}", LIMIT_SECONDS
        )


def test_a_person_who_leaves_the_platform(team: Team, vision: dict[str, Any]) -> None:
    """Their projects and files stay; who gets their name, or the number of their account, gets nothing."""
    running = team.running
    running.add_user("eve", PASSWORD)
    team.start("eve")
    team.call("eve", "POST", "projects", 201, {"name": "of-eve"})
    team.call("eve", "POST", "projects/of-eve/members", 201, {"user": "bob", "role": "editor"})
    assert team.write("eve", "projects/of-eve/data.txt", "by eve").status_code == 201
    running.labyard("user", "remove", "eve", "--yes")
    wait_until(lambda: team.call("bob", "GET", "projects/of-eve", 200)["role"] == "owner", "bob follows eve", 30)
    assert team.read("bob", "projects/of-eve/data.txt").json()["content"] == "by eve"
    wait_until(lambda: team.write("bob", "projects/of-eve/data.txt", "by bob").status_code == 200, "bob writes", LIMIT_SECONDS)
    running.add_user("eve", PASSWORD)
    team.start("eve")
    assert team.call("eve", "GET", "projects", 200)["projects"] == []
    assert team.read("eve", "projects/of-eve/data.txt").status_code in (403, 404)
    with team.connect("eve", team.kernel("eve")) as eve:
        path = running.state.projects / team.call("bob", "GET", "projects/of-eve", 200)["id"] / "files" / "data.txt"
        output = eve.run(f"open({str(path)!r}).read()")
        assert "PermissionError" in output.error
    team.call("bob", "DELETE", "projects/of-eve?confirm=of-eve", 204)


def test_a_deleted_project_is_gone_and_kept(team: Team) -> None:
    made = team.call("bob", "POST", "projects", 201, {"name": "short"})
    assert team.write("bob", "projects/short/data.txt", "precious").status_code == 201
    team.call("bob", "DELETE", "projects/short?confirm=short", 204)
    assert team.read("bob", "projects/short/data.txt").status_code in (403, 404)
    assert [entry["name"] for entry in team.read("bob", "projects").json()["content"]] == []
    kept = list(team.running.state.trash.glob("short--*/**/data.txt"))
    assert [path.read_text() for path in kept] == ["precious"]
    again = team.call("ada", "POST", "projects", 201, {"name": "short"})
    assert again["id"] != made["id"]
    assert team.read("ada", "projects/short").json()["content"] == []
    team.call("ada", "DELETE", "projects/short?confirm=short", 204)


def test_members_come_and_go_under_load(team: Team, vision: dict[str, Any]) -> None:
    """Whatever the order in which changes arrive, what is in force at the end is what the records say."""
    stop = threading.Event()

    def toggle(name: str) -> None:
        while not stop.is_set():
            team.service["ada"].post("projects/vision/members", json={"user": name, "role": "editor"})
            team.service["ada"].delete(f"projects/vision/members/{name}")

    threads = [threading.Thread(target=toggle, args=(name,)) for name in ("bob", "carol", "bob", "dan")]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        assert team.read("ada", "projects/vision/readme.txt").status_code == 200
    stop.set()
    for thread in threads:
        thread.join(60)
    members = {member["user"] for member in team.call("ada", "GET", "projects/vision/members", 200)["members"]}
    for name in ("bob", "carol", "dan"):
        expected = 200 if name in members else 404
        wait_until(
            lambda name=name, expected=expected: (team.read(name, "projects/vision/readme.txt").status_code == 200) == (expected == 200),
            f"{name}",
            LIMIT_SECONDS,
        )
