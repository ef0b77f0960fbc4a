"""`labyard up` as an operator meets it: start, second start, kill, adopt, stop."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from tests.platform import LABYARD, RunningPlatform, is_root, labyard, skip_without, start_platform, wait_until

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"


def our_processes(root: Path) -> list[psutil.Process]:
    """Return every process that mentions the state folder, or writes to a file in it as a server does to its log."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "open_files"]):
        files = (file.path for file in process.info["open_files"] or ())
        text = " ".join([*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values(), *files])
        if str(root) in text and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def fill_up(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def server_pid(running: RunningPlatform, name: str) -> int:
    return int(json.loads((running.state.run_private / "servers" / f"{name}.json").read_text())["pid"])


def test_first_start_says_what_is_so_and_ends_with_the_link(platform: RunningPlatform) -> None:
    subjects = [event["event"] for event in platform.events]
    for subject in ("database", "proxy", "hub", "service", "tools", "isolation"):
        assert subject in subjects, subjects
    isolation = platform.last("isolation")
    assert isolation is not None
    assert isolation["message"].startswith("on" if is_root() else "off (started as an ordinary user)")
    assert subjects[-1] == "setup"
    assert httpx.get(platform.setup_url).status_code == 200


def test_a_second_up_says_so_and_stops(platform: RunningPlatform) -> None:
    done = labyard("up", "--state-dir", str(platform.root), "--port", "0", check=False)
    assert done.returncode == 1
    assert f"already running on it (process {platform.process.pid} at {platform.url})" in done.stderr
    assert "labyard down" in done.stderr
    assert httpx.get(f"{platform.url}hub/health").status_code == 200


def test_status_and_down(platform: RunningPlatform) -> None:
    platform.add_user("ada", PASSWORD, admin=True)
    session = platform.session("ada", PASSWORD)
    session.start_server("ada")
    status = json.loads(platform.labyard("status", "--json").stdout)
    assert status["state"] == "running"
    names = {(one["name"], one["kind"]) for one in status["processes"]}
    assert {("hub", "platform"), ("proxy", "platform"), ("service", "platform"), ("ada", "server")} <= names
    assert "ada" in platform.labyard("status").stdout
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        stopped = json.loads(platform.labyard("down", "--json").stdout)["stopped"]
        assert {"hub", "proxy", "ada"} <= set(stopped)
        assert platform.process.wait(10) == 0
        assert our_processes(platform.root) == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert platform.labyard("status", check=False).returncode == 3


def test_servers_kernels_and_sign_ins_survive_killed_processes(platform: RunningPlatform) -> None:
    platform.add_user("ada", PASSWORD)
    session = platform.session("ada", PASSWORD)
    session.start_server("ada")
    server = platform.client("user/ada/", session.token("ada"))
    kernel = server.post("api/kernels", json={"name": "python3"}).json()["id"]
    before = server_pid(platform, "ada")
    for name in ("hub", "service", "proxy"):
        killed = platform.process_id(name)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda name=name, killed=killed: platform.process_id(name) != killed, f"{name} started again")
        wait_until(lambda: _health(platform), f"the hub answers after {name} was killed", 60)
        wait_until(lambda: server.get("api/kernels").json()[0]["id"] == kernel, f"the kernel after {name} was killed")
    assert server_pid(platform, "ada") == before
    assert session.http.get("hub/home").url.path == "/hub/home"
    assert session.hub_api("GET", "users/ada").json()["servers"][""]["ready"]
    # The new hub can also stop what the old one started.
    assert session.hub_api("DELETE", "users/ada/server").status_code in (202, 204)
    wait_until(lambda: not psutil.pid_exists(before), "the server ends")


def _health(running: RunningPlatform) -> bool:
    try:
        return httpx.get(f"{running.url}hub/health", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_up_adopts_what_a_killed_up_left(open_folder: Path) -> None:
    root = open_folder / "state"
    with start_platform(root) as first:
        first.add_user("ada", PASSWORD)
        session = first.session("ada", PASSWORD)
        session.start_server("ada")
        pids = {name: first.process_id(name) for name in ("proxy", "hub")}
        server = server_pid(first, "ada")
        first.process.kill()
        first.process.wait()
        assert json.loads(first.labyard("status", "--json").stdout)["state"] == "unattended"
        assert httpx.get(f"{first.url}hub/health").status_code == 200
        with start_platform(root) as second:
            assert second.url == first.url
            assert second.process_id("proxy") == pids["proxy"]
            assert server_pid(second, "ada") == server
            assert psutil.pid_exists(server)
            wait_until(lambda: session.hub_api("GET", "users/ada").json()["servers"][""]["ready"], "the server is known to the new hub")
            assert session.http.get("hub/home").url.path == "/hub/home"
    assert our_processes(root) == []


def test_detached(open_folder: Path) -> None:
    """Two at once: one starts, the other says so. What has no record is found and ended too."""
    root = open_folder / "state"
    try:
        with ThreadPoolExecutor(2) as threads:
            both = list(threads.map(lambda _: labyard("up", "--detach", "--state-dir", str(root), "--port", "0", check=False), range(2)))
        done, refused = sorted(both, key=lambda one: one.returncode)
        assert (done.returncode, refused.returncode) == (0, 1), both
        assert "hub/setup?token=" in done.stdout.splitlines()[-1]
        assert "labyard down" in done.stdout or "link" in done.stdout
        assert "another `labyard up` is starting" in refused.stderr or "already running" in refused.stderr
        assert "Traceback" not in refused.stdout + refused.stderr
        status = json.loads(labyard("status", "--state-dir", str(root), "--json").stdout)
        assert status["state"] == "running"
        assert httpx.get(f"{status['url']}hub/health").status_code == 200
        (StateFolder(root).run_private / "processes" / "proxy.json").unlink()
        status = json.loads(labyard("status", "--state-dir", str(root), "--json").stdout)
        assert status["state"] == "incomplete"
        assert "unrecorded" in {one["name"] for one in status["processes"]}
        os.kill(Platform.read(StateFolder(root)).pid, signal.SIGKILL)  # type: ignore[union-attr]  # it runs
    finally:
        labyard("down", "--state-dir", str(root))
    assert our_processes(root) == []


def test_it_stops_what_it_started_although_nobody_reads_its_output_any_more(open_folder: Path) -> None:
    """A closed terminal, or the end of a pipe such as `labyard up | head`."""
    root = open_folder / "state"
    command = [LABYARD, "up", "--state-dir", str(root), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", start_new_session=True)
    try:
        assert process.stdout is not None
        assert any("hub/setup?token=" in line for line in process.stdout)
        process.stdout.close()
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
        assert our_processes(root) == []
    finally:
        labyard("down", "--state-dir", str(root), check=False)


def test_a_taken_port(open_folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = labyard("up", "--state-dir", str(open_folder / "state"), "--port", str(other.getsockname()[1]), check=False)
    assert done.returncode == 2
    assert "is taken by another program" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_newer_state_folder(open_folder: Path) -> None:
    root = open_folder / "state"
    root.mkdir()
    (root / "state.json").write_text('{"layout": 99, "instance": "0"}')
    done = labyard("up", "--state-dir", str(root), "--port", "0", check=False)
    assert done.returncode == 1
    assert "Upgrade Labyard" in done.stderr
    assert [path.name for path in root.iterdir()] == ["state.json"]


@pytest.mark.skipif(not is_root(), reason="mounts file systems")
@pytest.mark.parametrize(("options", "words"), [("size=64k", "No space left"), ("ro", "Read-only file system")])
def test_a_full_disk_and_a_read_only_folder_give_a_message(open_folder: Path, options: str, words: str) -> None:
    root = open_folder / "state"
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)], check=False)
    if mounted.returncode != 0:
        skip_without("mount file systems")
    try:
        if options != "ro":
            fill_up(root / "filler")
        done = labyard("up", "--state-dir", str(root), "--port", "0", check=False)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_a_broken_hub_file_stops_the_start_with_its_words(open_folder: Path) -> None:
    (open_folder / "jupyterhub_config.d").mkdir()
    (open_folder / "jupyterhub_config.d" / "10.py").write_text("raise RuntimeError('no such thing')\n")
    (open_folder / "config.yaml").write_text("")
    root = open_folder / "state"
    done = labyard("up", "--state-dir", str(root), "--port", "0", "--config", str(open_folder / "config.yaml"), check=False)
    assert done.returncode == 1
    assert "hub did not start" in done.stderr
    assert "no such thing" in done.stderr
    assert our_processes(root) == []


@pytest.mark.skipif(not is_root(), reason="users have accounts of their own when it is started as root")
def test_a_folder_that_users_cannot_reach(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    done = labyard("up", "--state-dir", str(tmp_path / "closed" / "state"), "--port", "0", check=False)
    assert done.returncode == 1
    assert "chmod o+x" in done.stderr
    assert not (tmp_path / "closed" / "state").exists()
