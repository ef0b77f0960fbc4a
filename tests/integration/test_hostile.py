"""Bad luck and bad will against a whole platform: each gets a clear answer, changes nothing, and is over when its cause is."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.integration.kernels import KernelConnection
from tests.platform import Browserless, Http, RunningPlatform, is_root, open_temporary_folder, skip_without, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"
HOSTILE_NAMES = [
    "",
    " ",
    "x" * 300,
    "../x",
    "a/b",
    "\u0430da",
    "bo\u212a",
    "root",
    "Ada",
    "-",
    "a b",
    "ad\na",
    "ad\0a",
    "{{7*7}}",
    "<b>x</b>",
    "%61da",
]
"""With a look-alike, a Kelvin sign that becomes a k, a reserved one, one that differs only in case, and attempts at what comes after."""


def users(running: RunningPlatform) -> set[str]:
    listed = json.loads(running.labyard("user", "list", "--json").stdout)
    return {one["name"] for one in (listed["users"] if isinstance(listed, dict) else listed)}


@dataclass
class Hostile:
    running: RunningPlatform
    folder: Path
    ada: Browserless
    token: str
    server: httpx.Client
    refused_at_setup: dict[str, int]


def set_up(running: RunningPlatform, name: str) -> httpx.Response:
    with Http(running.url, follow_redirects=True, timeout=30) as visitor:
        page = visitor.get(running.setup_url)
        assert page.status_code == 200, page.text
        xsrf = re.search(r'name="_xsrf"\s+value="([^"]+)"', page.text)
        token = re.search(r"token=([\w-]+)", running.setup_url)
        assert xsrf is not None
        assert token is not None
        form = {"_xsrf": xsrf[1], "token": token[1], "name": name, "password": PASSWORD, "again": PASSWORD}
        return visitor.post(running.setup_url.partition("?")[0], data=form)


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    with open_temporary_folder() as folder:
        (folder / "tools.d").mkdir()
        (folder / "secret.txt").write_text("<svg>only-for-root-5b1d</svg>")
        (folder / "secret.txt").chmod(0o600)
        command = ["sleep", "1000", "{socket}"]
        for name, icon in (("outside", str(folder / "secret.txt")), ("above", "../secret.txt"), ("system", "/etc/passwd")):
            (folder / "tools.d" / f"{name}.yaml").write_text(json.dumps({"name": name, "title": name, "icon": icon, "command": command}))
        (folder / "config.yaml").write_text("tools: {enabled: [tensorboard]}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            refused = {name: set_up(running, name).status_code for name in HOSTILE_NAMES if name != "Ada"}
            assert users(running) == set()
            assert set_up(running, "ada").url.path == "/hub/home"
            ada = running.session("ada", PASSWORD)
            ada.start_server("ada")
            token = ada.token("ada")
            yield Hostile(running, folder, ada, token, running.client("user/ada/", token), refused)


def test_hostile_names_at_the_set_up(hostile: Hostile) -> None:
    assert {name: status for name, status in hostile.refused_at_setup.items() if status != 400} == {}
    # The link did its work for the one good name, once.
    assert set_up_again(hostile.running) == 410


def set_up_again(running: RunningPlatform) -> int:
    return httpx.get(running.setup_url, trust_env=False).status_code


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_at_every_other_door(hostile: Hostile, name: str) -> None:
    running, ada = hostile.running, hostile.ada
    for command in (("user", "add", name, "--password-stdin"), ("user", "invite", name), ("user", "remove", name, "--yes")):
        if "\0" in name:
            continue  # the system lets no program be called with it
        done = running.labyard(*command, stdin=PASSWORD + "\n", check=False)
        assert done.returncode in (1, 2), command
        assert "Traceback" not in done.stderr
    page = ada.http.get("hub/admin")
    xsrf = re.search(r'name="_xsrf"\s+value="([^"]+)"', page.text)
    assert xsrf is not None
    invited = ada.http.post("hub/admin/invitations", data={"_xsrf": xsrf[1], "name": name, "role": "user", "lifetime": "7d"})
    assert invited.status_code in (400, 409), invited.status_code
    assert "Traceback" not in invited.text
    assert "<b>x</b>" not in invited.text
    for method in ("POST", "PATCH", "DELETE", "GET"):
        answer = ada.hub_api(
            method, f"users/{httpx.QueryParams({'': name})}".replace("/=", "/"), **({"json": {}} if method != "GET" else {})
        )
        assert answer.status_code in (400, 403, 404, 405, 409) or (method, name) in ok_for_the_api(), f"{method} {answer.status_code}"
    signing_in = Browserless(running.url)
    running.clients.append(signing_in.http)
    if name.casefold() != "ada":
        assert signing_in.sign_in(name, PASSWORD).status_code in (400, 403)
    assert users(running) == {"ada"}


def ok_for_the_api() -> set[tuple[str, str]]:
    """An empty name asks for the list, and the hub finds names in any case."""
    return {("GET", ""), ("GET", "Ada"), ("PATCH", "Ada"), ("GET", "%61da")}


def test_a_wrong_host_or_origin_with_a_right_token(hostile: Hostile) -> None:
    """The host is nobody's to choose: no answer leads there, and no page there may read an answer."""
    url, evil = hostile.running.url, {"Host": "evil.example", "Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    token = {"Authorization": f"token {hostile.token}"}
    for path in (
        "",
        "hub/home",
        "hub/login",
        "hub/api/user",
        "user/ada/lab",
        "user/ada/api/status",
        "services/labyard/api/v1/me",
        "services/labyard/login",
    ):
        for headers in ({**evil, **token}, evil):
            answer = httpx.get(url + path, headers=headers, trust_env=False)
            # To a page that knows the token Jupyter Server says that it may read: whoever has the token needs no page.
            allowed = (None, url.rstrip("/"), evil["Origin"] if headers is not evil and path.startswith("user/") else None)
            assert "evil.example" not in answer.headers.get("location", ""), f"{path}: {answer.headers}"
            assert answer.headers.get("access-control-allow-origin") in allowed, path
            assert answer.headers.get("access-control-allow-credentials") is None, path
            assert answer.status_code < 500, path
    with_cookie = hostile.ada.http.get("services/labyard/login?next=/services/labyard/api/v1/me")
    assert with_cookie.json()["name"] == "ada"
    refused = hostile.ada.http.get("services/labyard/api/v1/me", headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "cross_origin")


def test_huge_requests_to_the_service(hostile: Hostile) -> None:
    """By the proxy and past it: refused or ignored, in flat memory, and it lives on."""
    service = psutil.Process(hostile.running.process_id("service"))
    before = service.memory_info().rss
    for base in (f"{hostile.running.url}services/labyard/", hostile.running.platform.service_url):
        for headers in ({"X-Large": "x" * 2**20}, {"Cookie": "a=" + "x" * 2**20}, {f"X-{number}": "x" * 100 for number in range(5000)}):
            # 502 is the proxy's word for a service that hung up.
            assert status(httpx.get, f"{base}api/v1/me", headers=headers) in (400, 401, 413, 431, 502, 503, 0)
        assert status(httpx.get, f"{base}api/v1/me", headers={"Authorization": "token " + "x" * 30_000}) in (400, 401, 403)
        assert status(httpx.get, f"{base}{'x' * 60_000}") in (400, 404, 414)
        for path in ("logout", "api/v1/me", "nowhere"):
            assert status(httpx.post, base + path, content=chunks(100)) in (400, 401, 403, 404, 405, 413), path
        assert status(httpx.get, f"{base}oauth/callback?state=" + "x" * 10_000) in (400, 422)
    assert service.memory_info().rss - before < 50 * 2**20
    assert service.pid == hostile.running.process_id("service")
    assert httpx.get(f"{hostile.running.url}services/labyard/api/v1/health").json()["status"] == "ok"


def chunks(megabytes: int) -> Iterator[bytes]:
    for _ in range(megabytes):
        yield b"x" * 2**20


def status(method: Any, url: str, **kwargs: Any) -> int:
    """Return the status of the answer; 0 where the other side closed the connection on us."""
    try:
        return int(method(url, trust_env=False, timeout=60, **kwargs).status_code)
    except httpx.TransportError:
        return 0


def test_icons_outside_show_nothing(hostile: Hostile) -> None:
    answer = hostile.server.get("labyard/api/v1/tools")
    assert answer.status_code == 200
    assert "only-for-root" not in answer.text
    assert "root:x:0" not in answer.text
    tools = {one["name"]: one for one in answer.json()["tools"]}
    assert {"outside", "above", "system"} <= set(tools)
    assert all(tools[name]["icon"].startswith("<svg") for name in ("outside", "above", "system"))
    assert len(answer.json()["problems"]) == 3
    assert all("icon" in one["message"] for one in answer.json()["problems"])


@pytest.mark.parametrize("target", ["/etc", "/", "..", "self"])
def test_a_link_out_of_the_home_is_no_folder(hostile: Hostile, target: str) -> None:
    home = hostile.running.state.homes / "ada"
    link = home / "link"
    link.symlink_to("link" if target == "self" else target)
    try:
        for folder in ("link", "link/x", "../..", "/etc"):
            answer = hostile.server.post("labyard/api/v1/instances", json={"tool": "tensorboard", "folder": folder})
            assert answer.status_code in (400, 404), answer.text
            assert answer.json()["error"]["message"]
    finally:
        link.unlink()
    assert hostile.server.get("labyard/api/v1/instances").json()["instances"] == []


@pytest.mark.skipif(not is_root(), reason="mounts a small file system")
def test_a_disk_that_fills_up_and_is_emptied(open_folder: Path) -> None:
    root = open_folder / "state"
    root.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=711", "tmpfs", str(root)], check=False).returncode != 0:
        skip_without("mount file systems")
    try:
        (open_folder / "config.yaml").write_text("tools: {enabled: []}\n")
        with start_platform(root, "--config", str(open_folder / "config.yaml")) as running:
            fill_and_empty(running)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


def fill(file: Path) -> None:
    """Write to `file` until the disk is full."""
    with contextlib.suppress(OSError), file.open("ab", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)


def fill_and_empty(running: RunningPlatform) -> None:
    running.add_user("ada", PASSWORD, admin=True)
    ada = running.session("ada", PASSWORD)
    ada.start_server("ada")
    server = running.client("user/ada/", ada.token("ada"))
    file = {"type": "file", "format": "text", "content": "x" * 2**16}
    server.put("api/contents/note.txt", json=file).raise_for_status()
    pids = {name: running.process_id(name) for name in ("hub", "proxy")}
    fresh = running.client("hub/api/", ada.token("ada"))  # the hub has never noted its use
    filler = running.root / "filler"
    reserve = running.root / "reserve"
    wait_until(reserve.exists, "the reserve is taken")
    fill(filler)
    wait_until(lambda: not reserve.exists(), "the reserve is given up")
    fill(filler)
    assert [event["message"] for event in running.events if event["event"] == "disk"][-1].startswith("full")

    # A part that dies comes back once there is room, and takes nothing with it.
    service = psutil.Process(running.process_id("service"))
    service.kill()
    wait_until(lambda: not service.is_running() or running.process_id("service") != service.pid, "it is started again")

    # Each says what is wrong, and nothing of the program's inside.
    told = running.labyard("user", "add", "bob", "--password-stdin", stdin=PASSWORD + "\n", check=False)
    assert told.returncode == 1
    assert "the disk is full" in told.stderr
    newcomer = Browserless(running.url)
    running.clients.append(newcomer.http)
    answers = {
        "sign-in": (newcomer.sign_in("ada", PASSWORD), "Labyard cannot"),
        "another server": (ada.hub_api("POST", "users/ada/servers/second"), "the disk is full"),
        "a token": (ada.hub_api("POST", "users/ada/tokens"), "the disk is full"),
        "saving": (server.put("api/contents/new.txt", json=file), "disk is full"),
        "a folder": (server.post("api/contents", json={"type": "notebook"}), "disk is full"),
    }
    for what, (answer, words) in answers.items():
        assert answer.status_code == 507, f"{what}: {answer.status_code} {answer.text}"
        assert words in answer.text, f"{what}: {answer.text}"
        assert "Traceback" not in answer.text, what
    # What needs no room goes on: who is signed in stays so, and a server that runs works.
    assert ada.http.get("hub/home").status_code == 200
    assert fresh.get("user").json()["name"] == "ada"
    assert server.get("api/contents/note.txt").json()["content"] == file["content"]
    assert running.labyard("status").returncode == 0
    assert running.process.poll() is None

    filler.unlink()
    health = f"{running.url}services/labyard/api/v1/health"
    wait_until(lambda: httpx.get(health, trust_env=False).status_code == 200, "the service is back", 90)
    running.add_user("bob", PASSWORD)
    bob = running.session("bob", PASSWORD)
    bob.start_server("bob")
    server.put("api/contents/new.txt", json=file).raise_for_status()
    assert ada.http.get("services/labyard/login?next=/services/labyard/api/v1/me").json()["name"] == "ada"
    wait_until(lambda: ada.hub_api("DELETE", "users/ada/server").status_code in (202, 204), "the server can be stopped", 30)
    assert {name: running.process_id(name) for name in pids} == pids


def test_without_the_environments_it_starts_and_says_what_is_left_out(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network and nothing installed: what needs it is missing, and the rest works."""
    (open_folder / "environments").mkdir()
    (open_folder / "config.yaml").write_text(
        f"tools: {{enabled: [tensorboard, mlflow], environments_directory: {open_folder / 'environments'}}}\n"
    )
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(open_folder / "cache"))
    with start_platform(open_folder / "state", "--config", str(open_folder / "config.yaml")) as running:
        said = [event["message"] for event in running.events if event["event"] == "environments"]
        for name in ("workbench", "tensorboard", "mlflow"):
            about = [message for message in said if name in message and "left out" in message]
            assert about, said
            assert "Traceback" not in about[0]
        tools = running.last("tools")
        assert tools is not None
        assert tools["message"] == "none"
        running.add_user("ada", PASSWORD)
        ada = running.session("ada", PASSWORD)
        ada.start_server("ada")
        server = running.client("user/ada/", ada.token("ada"))
        assert server.get("lab").status_code == 200
        assert server.get("labyard/api/v1/tools").json()["tools"] == []
        # Notebooks run in the server's own Python then, and with no debugger that others of the machine could reach.
        specs = server.get("api/kernelspecs").json()["kernelspecs"]
        assert list(specs) == ["python3"]
        assert specs["python3"]["spec"]["metadata"]["debugger"] is not is_root()
        kernel = server.post("api/kernels", json={"name": "python3"}).json()["id"]
        with KernelConnection(f"{running.url}user/ada/", kernel, ada.token("ada")) as connection:
            assert connection.result("print(6 * 7)") == "42\n"
        assert ada.http.get("services/mlflow/").status_code == 503
