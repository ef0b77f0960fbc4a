"""The nursery: whom a child is, what it shares with nobody, and when an ordinary start takes over."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from labyard_hub.backends.local.limits import Limits
from labyard_hub.backends.local.nursery import Become, ForkedProcess, NurseryUnavailableError, fork_process
from labyard_hub.backends.local.processes import ProcessRecord
from tests.platform import is_root, open_temporary_folder, wait_until

MODULE = """
import json, os, random, resource, sys, threading, time, uuid
VERSION = 1
HANDLED_VARIABLES = {"HOME"}
LOOKED_AT = None

def preload():
    global LOOKED_AT
    LOOKED_AT = os.environ.get("EARLY")
    os.path.expanduser("~")
    random.random(), uuid.uuid4()

def status(name):
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name))

def main():
    files = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            files[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            pass  # of the listing itself
    print(json.dumps({
        "warm": True, "version": VERSION, "pid": os.getpid(), "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "sid": os.getsid(0),
        "environment": dict(os.environ), "folder": os.getcwd(), "argv": sys.argv, "umask": os.umask(0o77), "files": files,
        "random": random.random(), "uuid": str(uuid.uuid4()), "no_new_privs": status("NoNewPrivs"), "signals": status("SigIgn"),
        "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0], "core": resource.getrlimit(resource.RLIMIT_CORE)[0], "zone": time.tzname[0],
    }), flush=True)
    if "WAIT" in os.environ:
        time.sleep(60)
    sys.exit(int(os.environ.get("STATUS", "0")))
"""
PROGRAM = """#!{python}
import json, os, sys
print(json.dumps({{"warm": False, "pid": os.getpid(), "environment": dict(os.environ), "folder": os.getcwd()}}), flush=True)
"""
SECRET = "a-token-of-bob-that-nobody-else-may-see"


@dataclass
class Nursery:
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> Path:
        return self.folder / "nursery.sock"

    @property
    def log(self) -> str:
        return (self.folder / "nursery.log").read_text()

    def fork(self, argv: list[str] | None = None, become: Become | None = None, **environment: str) -> tuple[ForkedProcess, Path]:
        """Ask for a child, and return it and the file that it writes to."""
        output = self.folder / f"{time.monotonic_ns()}.log"
        with output.open("wb") as log:
            child = fork_process(
                self.socket, argv or [str(self.folder / "program"), "--x"], {"HOME": "/", "PYTHONPATH": str(self.folder / "code"), **environment},
                become or ourselves(self.folder), log.fileno(), note=lambda pid: ProcessRecord.of("child", pid),
            )  # fmt: skip
        return child, output

    def told(self, argv: list[str] | None = None, become: Become | None = None, **environment: str) -> dict[str, Any]:
        """Return what a child says of itself, once it has ended."""
        child, output = self.fork(argv, become, **environment)
        wait_until(lambda: child.poll() is not None, "the child ends")
        told: dict[str, Any] = json.loads(output.read_text())
        assert told["pid"] == child.pid
        return told


def ourselves(home: Path) -> Become:
    return Become(os.getuid(), os.getgid(), "root", str(home), [], Limits(None, None, 512), isolated=False, umask=0o077)


@contextmanager
def run_nursery(folder: Path, module: str = MODULE, **environment: str) -> Iterator[Nursery]:
    (folder / "code").mkdir()
    (folder / "code" / "nursling.py").write_text(module)
    program = folder / "program"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    with (folder / "nursery.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "labyard_hub.backends.local.nursery_parent", str(folder / "nursery.sock"), "nursling", str(program)],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(folder / "code"), "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    nursery = Nursery(folder, process)
    try:
        wait_until(lambda: nursery.socket.exists() or process.poll() is not None, "the nursery listens")
        assert process.poll() is None, nursery.log
        yield nursery
    finally:
        children = psutil.Process(process.pid).children() if process.poll() is None else []
        for one in children:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with open_temporary_folder() as folder, run_nursery(folder) as running:
        yield running


def test_a_child_is_what_was_asked_for(nursery: Nursery) -> None:
    told = nursery.told(TZ="Asia/Tokyo", NAME="ada")
    assert told["warm"]
    assert told["environment"] == {"HOME": "/", "PYTHONPATH": str(nursery.folder / "code"), "TZ": "Asia/Tokyo", "NAME": "ada"}
    assert told["argv"] == [str(nursery.folder / "program"), "--x"]
    assert told["folder"] == str(nursery.folder)
    assert told["sid"] == told["pid"] != nursery.process.pid
    assert told["umask"] != 0
    assert told["zone"] == "JST"
    assert (told["no_new_privs"], told["core"]) == ("1", 0)


def test_a_child_has_no_files_but_its_own(nursery: Nursery) -> None:
    child, _ = nursery.fork(WAIT="1")  # whose connection the parent holds while it forks again
    told = nursery.told()
    assert told["files"].keys() == {"0", "1", "2"}
    assert told["files"]["0"] == "/dev/null"
    assert told["files"]["1"] == told["files"]["2"] != str(nursery.folder / "nursery.log")
    os.kill(child.pid, signal.SIGKILL)


def test_children_share_no_randomness(nursery: Nursery) -> None:
    first, second = nursery.told(), nursery.told()
    assert first["random"] != second["random"]
    assert first["uuid"] != second["uuid"]


def test_signals_are_not_the_parents(nursery: Nursery) -> None:
    child, _ = nursery.fork(WAIT="1")
    os.kill(child.pid, signal.SIGTERM)
    wait_until(lambda: child.poll() is not None, "the child ends")
    assert child.poll() == -signal.SIGTERM


def test_the_parent_never_learns_what_a_child_is_told(nursery: Nursery) -> None:
    children = [nursery.fork(TOKEN=f"{SECRET}-{number}", WAIT="1") for number in range(3)]
    wait_until(lambda: all(output.read_bytes() for _, output in children), "the children run")
    assert SECRET.encode() in memory_of(children[0][0].pid)
    assert SECRET.encode() not in memory_of(nursery.process.pid)
    assert f"{SECRET}-0".encode() not in memory_of(children[2][0].pid)
    for child, _ in children:
        os.kill(child.pid, signal.SIGKILL)


def memory_of(pid: int) -> bytes:
    found = []
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()  # type: ignore[union-attr]
            if rights.startswith("rw"):
                memory.seek(int(begin, 16))
                with suppress(OSError):
                    found.append(memory.read(int(end, 16) - int(begin, 16)))
    return b"".join(found)


def test_its_status_is_told(nursery: Nursery) -> None:
    child, _ = nursery.fork(STATUS="3")
    wait_until(lambda: child.poll() is not None, "the child ends")
    assert child.poll() == 3
    running, _ = nursery.fork(WAIT="1")
    assert running.poll() is None
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: running.poll() is not None, "the child ends")
    assert running.poll() == -9


@pytest.mark.parametrize(
    ("environment", "why"),
    [({"EARLY": "1"}, "EARLY"), ({"PYTHONHASHSEED": "7"}, "PYTHONHASHSEED"), ({"LD_LIBRARY_PATH": "/opt/lib"}, "LD_LIBRARY_PATH")],
)
def test_a_variable_that_comes_too_late_means_an_ordinary_start(nursery: Nursery, environment: dict[str, str], why: str) -> None:
    child, output = nursery.fork(**environment)
    assert why in child.ordinary
    wait_until(lambda: child.poll() is not None, "the child ends")
    told = json.loads(output.read_text())
    assert not told["warm"]
    assert told["pid"] == child.pid
    assert told["environment"].items() >= environment.items()


def test_another_program_means_an_ordinary_start(nursery: Nursery) -> None:
    child, output = nursery.fork([sys.executable, "-c", "print('[1, 2]')"])
    assert "another program" in child.ordinary
    wait_until(lambda: child.poll() is not None, "the child ends")
    assert json.loads(output.read_text()) == [1, 2]


def test_whoever_hangs_up_has_started_nothing(nursery: Nursery) -> None:
    before = len(list(nursery.folder.glob("*.log")))
    output = nursery.folder / "hung-up.log"

    def give_up(pid: int) -> ProcessRecord:
        raise OSError(28, "no space left")

    with output.open("wb") as log, pytest.raises(NurseryUnavailableError, match="no space"):
        fork_process(nursery.socket, [str(nursery.folder / "program")], {}, ourselves(nursery.folder), log.fileno(), note=give_up)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(nursery.socket))
        silent.sendall(b"\x00\x00")
    assert nursery.told()["warm"]
    wait_until(lambda: not psutil.Process(nursery.process.pid).children(), "no child is left")
    assert output.read_bytes() == b""
    assert len(list(nursery.folder.glob("*.log"))) == before + 2


def test_no_nursery(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, pytest.raises(NurseryUnavailableError):
        fork_process(tmp_path / "none.sock", ["x"], {}, ourselves(tmp_path), log.fileno(), note=lambda pid: ProcessRecord.of("x", pid))


@pytest.mark.skipif(not is_root(), reason="only root can become somebody else")
def test_a_child_becomes_the_account_first(nursery: Nursery) -> None:
    become = replace(ourselves(nursery.folder), uid=65534, gid=65534, unix_name="nobody", isolated=True, umask=0o007)
    nursery.folder.chmod(0o755)
    told = nursery.told(become=become)
    assert (told["uid"], told["gid"], told["groups"], told["processes"]) == (65534, 65534, [65534], 512)


@pytest.mark.skipif(not is_root(), reason="only root can try as somebody else")
def test_nobody_else_can_ask(nursery: Nursery) -> None:
    text = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
    asked = subprocess.run(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/bin/python3", "-c", text, str(nursery.socket)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "PermissionError" in asked.stderr


def test_children_outlive_the_parent() -> None:
    with open_temporary_folder() as folder:
        with run_nursery(folder) as nursery:
            child, output = nursery.fork(WAIT="1")
            wait_until(output.read_bytes, "the child runs")
            nursery.process.kill()
            nursery.process.wait()
            assert child.poll() is None
            assert psutil.pid_exists(child.pid)
            with pytest.raises(NurseryUnavailableError):
                nursery.fork()
        os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda: child.poll() is not None, "the end is seen")
        assert child.poll() == 0  # nobody knows


def test_what_changes_on_disk_is_imported_anew() -> None:
    with open_temporary_folder() as folder, run_nursery(folder) as nursery:
        waiting, _ = nursery.fork(WAIT="1")
        assert nursery.told()["version"] == 1
        (folder / "code" / "nursling.py").write_text(MODULE.replace("VERSION = 1", "VERSION = 2  # another size"))
        with pytest.raises(NurseryUnavailableError):
            nursery.fork()
        wait_until(lambda: nursery.log.count("ready") == 2, "the nursery is renewed")
        assert nursery.told()["version"] == 2
        assert waiting.poll() is None
        os.kill(waiting.pid, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(waiting.pid), "the child of the former one is reaped")


def test_a_parent_with_a_thread_forks_nobody() -> None:
    threaded = MODULE.replace(
        "    random.random()", "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n    random.random()"
    )
    with open_temporary_folder() as folder, run_nursery(folder, threaded) as nursery:
        with pytest.raises(NurseryUnavailableError, match="log may say why"):
            nursery.fork()
        assert "has started a thread" in nursery.log
