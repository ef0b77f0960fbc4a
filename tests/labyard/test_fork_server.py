"""The fork server: whom a forked process is, what it shares with nobody, and when an ordinary start takes over."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from labyard.fork_server.client import ForkServer
from labyard.fork_server.process import ForkedProcess, NotForkableError
from labyard_hub.backends.local import server_fork
from labyard_hub.backends.local.limits import Become
from tests.platform import is_root, open_temporary_folder, wait_until

MODULE = """
import json, os, random, resource, sys, threading, time, uuid
VERSION = 1

def preload():
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
        "version": VERSION, "pid": os.getpid(), "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "sid": os.getsid(0),
        "environment": dict(os.environ), "folder": os.getcwd(), "argv": sys.argv, "umask": os.umask(0o77), "files": files,
        "random": random.random(), "uuid": str(uuid.uuid4()), "no_new_privs": status("NoNewPrivs"), "signals": status("SigIgn"),
        "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0], "core": resource.getrlimit(resource.RLIMIT_CORE)[0], "parent": os.getppid(),
    }), flush=True)
    if "WAIT" in os.environ:
        time.sleep(60)
    sys.exit(int(os.environ.get("STATUS", "0")))
"""
SECRET = "a-token-of-bob-that-nobody-else-may-see"
OWN = frozenset({"HOME", "NAME", "TOKEN", "WAIT", "STATUS"})


@dataclass
class Forks:
    folder: Path
    server: ForkServer
    common: dict[str, str]

    @property
    def process(self) -> psutil.Process:
        assert self.server._running is not None
        return psutil.Process(self.server._running.process.pid)

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.server._starting is None and self.server._running is not None, "the fork server is ready")

    def fork(
        self,
        become: Become | None = None,
        *,
        argv: tuple[str, ...] = ("program", "--x"),
        note: Callable[[int], object] | None = None,
        **environment: str,
    ) -> tuple[ForkedProcess, Path]:
        """Ask for a process, and return it and the file that it writes to."""
        output = self.folder / f"{time.monotonic_ns()}.log"
        output.touch()
        order = {"module": "forked", "argv": argv, "output": str(output), "become": asdict(become or ourselves(self.folder))}
        return self.server.fork({**self.common, "HOME": "/", **environment}, order, note=note), output

    def told(self, become: Become | None = None, **environment: str) -> dict[str, Any]:
        """Return what a process says of itself, once it has ended."""
        child, output = self.fork(become, **environment)
        child.wait()
        told: dict[str, Any] = json.loads(output.read_text())
        assert told["pid"] == child.pid
        return told


def ourselves(home: Path) -> Become:
    return Become(os.getuid(), os.getgid(), "root", str(home), [], 512, isolated=False)


@contextmanager
def run_fork_server(folder: Path, module: str = MODULE, *, idle_seconds: float = 0) -> Iterator[Forks]:
    (folder / "code").mkdir()
    (folder / "code" / "forked.py").write_text(module)
    long_ago = time.time() - 60
    os.utime(folder / "code" / "forked.py", (long_ago, long_ago))
    common = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder / "code"), "PYTHONDONTWRITEBYTECODE": "1"}
    server = ForkServer(
        [sys.executable, "-P"], [server_fork.__file__, "forked"], {**common, "HOME": "/nonexistent"}, OWN.__contains__, logging.getLogger(),
        idle_seconds=idle_seconds,
    )  # fmt: skip
    forks = Forks(folder, server, common)
    try:
        server.prepare()
        forks.wait_until_ready()
        yield forks
    finally:
        server.close()


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with open_temporary_folder() as folder, run_fork_server(folder) as running:
        yield running


def test_a_forked_process_is_what_was_asked_for(forks: Forks) -> None:
    told = forks.told(NAME="ada")
    assert told["environment"] == {**forks.common, "HOME": "/", "NAME": "ada"}
    assert told["argv"] == ["program", "--x"]
    assert told["folder"] == str(forks.folder)
    assert told["sid"] == told["pid"]
    assert told["parent"] == os.getpid()
    assert told["umask"] != 0
    assert (told["no_new_privs"], told["core"]) == ("1", 0)


def test_it_has_no_files_but_its_own(forks: Forks) -> None:
    child, _ = forks.fork(WAIT="1")
    told = forks.told()
    assert told["files"].keys() == {"0", "1", "2"}
    assert told["files"]["0"] == "/dev/null"
    assert told["files"]["1"] == told["files"]["2"]
    assert told["files"]["1"].startswith(str(forks.folder))
    child.kill()
    child.wait()


def test_none_shares_randomness_with_another(forks: Forks) -> None:
    first, second = forks.told(), forks.told()
    assert first["random"] != second["random"]
    assert first["uuid"] != second["uuid"]


def test_signals_are_its_own(forks: Forks) -> None:
    child, _ = forks.fork(WAIT="1")
    assert child.poll() is None
    child.terminate()
    assert child.wait() == -signal.SIGTERM


def test_the_fork_server_never_learns_what_a_process_is_told(forks: Forks) -> None:
    children = [forks.fork(TOKEN=f"{SECRET}-{number}", WAIT="1") for number in range(3)]
    wait_until(lambda: all(output.read_bytes() for _, output in children), "the children run")
    assert SECRET.encode() in memory_of(children[0][0].pid)
    assert SECRET.encode() not in memory_of(forks.process.pid)
    assert f"{SECRET}-0".encode() not in memory_of(children[2][0].pid)
    for child, _ in children:
        child.kill()
        child.wait()


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


def test_its_status_is_that_of_a_child(forks: Forks) -> None:
    child, _ = forks.fork(STATUS="3")
    assert child.wait() == child.poll() == 3


@pytest.mark.parametrize("name", ["EARLY", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "PATH"])
def test_a_variable_that_an_import_may_have_looked_at_is_not_forked(forks: Forks, name: str) -> None:
    with pytest.raises(NotForkableError, match=f"^{name} cannot be set after the imports"):
        forks.fork(**{name: "1"})


def test_an_asker_that_gives_up_has_started_nothing(forks: Forks) -> None:
    def give_up(pid: int) -> None:
        given_up.append(pid)
        raise OSError(28, "no space left")

    given_up: list[int] = []
    with pytest.raises(NotForkableError, match="no space"):
        forks.fork(note=give_up)
    assert not psutil.pid_exists(given_up[0])
    assert forks.told()


def test_a_process_that_cannot_become_it_says_why(forks: Forks) -> None:
    with pytest.raises(NotForkableError, match="No such file or directory: '/none'"):
        forks.fork(replace(ourselves(forks.folder), home="/none"))
    assert forks.told()


@pytest.mark.skipif(not is_root(), reason="only root can become somebody else")
def test_it_becomes_the_account_first(forks: Forks) -> None:
    become = replace(ourselves(forks.folder), uid=65534, gid=65534, unix_name="nobody", isolated=True, umask=0o007)
    forks.folder.chmod(0o755)
    told = forks.told(become)
    assert (told["uid"], told["gid"], told["groups"], told["processes"]) == (65534, 65534, [65534], 512)


def test_it_outlives_the_fork_server_and_another_one_is_started() -> None:
    with open_temporary_folder() as folder, run_fork_server(folder) as forks:
        child, output = forks.fork(WAIT="1")
        wait_until(output.read_bytes, "the child runs")
        former = forks.process
        former.kill()
        wait_until(lambda: former.status() == psutil.STATUS_ZOMBIE, "it ends")
        with pytest.raises(NotForkableError, match="has ended, and one is being started"):
            forks.fork()
        forks.wait_until_ready()
        assert child.poll() is None
        assert forks.told()["parent"] == os.getpid()
        assert forks.process.pid != former.pid
        child.kill()
        assert child.wait() == -signal.SIGKILL


def test_one_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labyard.fork_server.client.FORK_SECONDS", 0.2)
    with open_temporary_folder() as folder, run_fork_server(folder) as forks:
        forks.process.suspend()
        with pytest.raises(NotForkableError, match="does not answer"):
            forks.fork()
        forks.wait_until_ready()  # nobody has asked for it
        monkeypatch.undo()
        assert forks.told()


def test_what_changes_on_disk_is_imported_again() -> None:
    with open_temporary_folder() as folder, run_fork_server(folder) as forks:
        waiting, _ = forks.fork(WAIT="1")
        assert forks.told()["version"] == 1
        (folder / "code" / "forked.py").write_text(MODULE.replace("VERSION = 1", "VERSION = 2"))
        with pytest.raises(NotForkableError, match="has changed"):
            forks.fork()
        forks.wait_until_ready()
        assert forks.told()["version"] == 2
        assert waiting.poll() is None
        waiting.kill()
        waiting.wait()


def test_what_changes_during_the_imports_is_imported_again() -> None:
    changing = MODULE.replace("    random.random()", "    open(__file__, 'a').write(' ')\n    random.random()")
    with (
        open_temporary_folder() as folder,
        run_fork_server(folder, changing) as forks,
        pytest.raises(NotForkableError, match="has changed"),
    ):
        forks.fork()


def test_it_ends_when_nobody_needs_it() -> None:
    with open_temporary_folder() as folder, run_fork_server(folder, idle_seconds=0.05) as forks:
        former = forks.process
        wait_until(lambda: former.status() == psutil.STATUS_ZOMBIE, "it ends")
        with pytest.raises(NotForkableError):
            forks.fork()
        forks.wait_until_ready()
        assert forks.process != former


def test_one_with_a_thread_forks_nothing() -> None:
    threaded = MODULE.replace(
        "    random.random()", "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n    random.random()"
    )
    with (
        open_temporary_folder() as folder,
        run_fork_server(folder, threaded) as forks,
        pytest.raises(NotForkableError, match="started a thread"),
    ):
        forks.fork()
