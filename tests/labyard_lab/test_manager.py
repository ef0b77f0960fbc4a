"""Instances with real processes, in this process's event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from labyard.builtin_tools import builtin_tool
from labyard.models.tool import Tool, ToolInstanceState
from labyard_lab.exceptions import (
    FolderError,
    InstanceNotFoundError,
    InstanceNotReadyError,
    InstanceNotRunningError,
    RuntimeFolderError,
    ToolNotStartableError,
    TooManyInstancesError,
)
from labyard_lab.running_tools.environment import is_secret, tool_environment, tool_python
from labyard_lab.running_tools.instance import Instance
from labyard_lab.running_tools.manager import PROGRAMS, InstanceManager
from labyard_lab.running_tools.runtime import RuntimeFolder
from tests.labyard_lab.conftest import ECHO_TOOL, echo_tool

STATES = ToolInstanceState
ORIGIN = "http://lab.example"


@pytest.fixture
async def make_manager(tmp_path: Path) -> AsyncIterator[Callable[..., InstanceManager]]:
    managers = []
    (tmp_path / "root").mkdir()

    def make(**options: Any) -> InstanceManager:
        runtime = RuntimeFolder()
        defaults = {"root": tmp_path / "root", "base_path": "/b/labyard/tools/", "data_folder": tmp_path / "data"}
        managers.append(InstanceManager(runtime=runtime, logger=logging.getLogger("test"), **{**defaults, **options}))
        return managers[-1]

    yield make
    for manager in managers:
        await manager.close()


@pytest.fixture
def assert_nothing_runs() -> Callable[[], None]:
    """Return what fails if a process runs that this test started; a platform that other files share may be there before."""
    before = psutil.Process().children()

    def check() -> None:
        new = [child for child in psutil.Process().children() if child not in before]
        running = [one for child in new for one in (child, *child.children(recursive=True)) if one.status() != psutil.STATUS_ZOMBIE]
        assert running == []

    return check


async def reach(instance: Instance, state: ToolInstanceState, seconds: float = 20) -> Instance:
    deadline = time.monotonic() + seconds
    while instance.state is not state:
        assert time.monotonic() < deadline, (instance.state, instance.reason, await instance.log_tail())
        await asyncio.sleep(0.01)
    return instance


def script(code: str, **changes: Any) -> Tool:
    return echo_tool(command=(sys.executable, "-c", code, "{socket}"), **changes)


async def test_concurrent_requests_start_one(make_manager: Callable[..., InstanceManager], tmp_path: Path) -> None:
    counter = tmp_path / "count"
    tool = echo_tool(command=(sys.executable, str(ECHO_TOOL), "--socket", "{socket}", "--count", str(counter)))
    manager = make_manager()
    results = await asyncio.gather(*(manager.open(tool, None, ORIGIN) for _ in range(20)))
    assert len({id(instance) for instance, _ in results}) == 1
    assert [new for _, new in results].count(True) == 1
    await reach(results[0][0], STATES.RUNNING)
    assert counter.read_text() == "started\n"


async def test_one_instance_per_folder_with_a_stable_id(make_manager: Callable[..., InstanceManager], tmp_path: Path) -> None:
    for name in ("a/runs", "b/runs"):
        (tmp_path / "root" / name).mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to("a")
    tool = echo_tool(opens_folder=True)
    manager, other = make_manager(), make_manager()
    first, _ = await manager.open(tool, "a/runs", ORIGIN)
    second, _ = await manager.open(tool, "b/runs", ORIGIN)
    assert first.id != second.id
    assert (first.title, first.folder) == ("Echo · a/runs", "a/runs")
    for same in ("a/runs/", "link/runs", "a/../a/./runs"):
        assert await manager.open(tool, same, ORIGIN) == (first, False)
    assert (await other.open(tool, "a/runs", ORIGIN))[0].id == first.id
    root, _ = await manager.open(tool, None, ORIGIN)
    assert (root.title, root.folder) == ("Echo", "")
    assert (await manager.open(tool, "", ORIGIN))[0] is root
    await reach(first, STATES.RUNNING)
    await reach(second, STATES.RUNNING)


@pytest.mark.parametrize(
    "folder", ["..", "../outside", "a/../../outside", "out", "out/deeper", "/etc", "nowhere", "file", "loop", "a\0b", "x" * 3000]
)
async def test_folders_that_cannot_be_opened(make_manager: Callable[..., InstanceManager], tmp_path: Path, folder: str) -> None:
    (tmp_path / "outside" / "deeper").mkdir(parents=True)
    manager = make_manager()
    (tmp_path / "root" / "a").mkdir()
    (tmp_path / "root" / "file").write_text("")
    (tmp_path / "root" / "out").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "loop").symlink_to("loop")
    with pytest.raises(FolderError):
        await manager.open(echo_tool(opens_folder=True), folder, ORIGIN)
    assert manager.list() == []


async def test_failed_start_tells_why(make_manager: Callable[..., InstanceManager]) -> None:
    manager = make_manager()
    instance, _ = await manager.open(script("import sys; print('no licence'); sys.exit(7)"), None, ORIGIN)
    await reach(instance, STATES.FAILED)
    assert instance.reason == "It ended with code 7."
    assert await instance.log_tail() == ["no licence"]
    with pytest.raises(InstanceNotRunningError, match="code 7"):
        instance.session()
    # Opened again, and this time it works.
    again, is_new = await manager.open(echo_tool(), None, ORIGIN)
    assert (again, is_new) == (instance, False)
    await reach(instance, STATES.RUNNING)
    assert instance.reason is None


async def test_start_that_takes_too_long(make_manager: Callable[..., InstanceManager], assert_nothing_runs: Callable[[], None]) -> None:
    manager = make_manager()
    instance, _ = await manager.open(script("import time; time.sleep(600)", start_timeout_seconds=0.3), None, ORIGIN)
    with pytest.raises(InstanceNotReadyError):
        instance.session()
    await reach(instance, STATES.FAILED)
    assert instance.reason == "It did not answer within 0.3 s."
    await instance.stop()
    assert_nothing_runs()


async def test_tool_that_never_gets_well_is_not_ready(make_manager: Callable[..., InstanceManager]) -> None:
    code = (
        "import sys; from tornado import web, httpserver, netutil, ioloop\n"
        "class H(web.RequestHandler):\n    def get(self): self.send_error(503)\n"
        "s = httpserver.HTTPServer(web.Application([('.*', H)])); s.add_socket(netutil.bind_unix_socket(sys.argv[1])); ioloop.IOLoop.current().start()"
    )
    instance, _ = await make_manager().open(script(code, start_timeout_seconds=1.5), None, ORIGIN)
    await reach(instance, STATES.FAILED)
    assert "did not answer" in (instance.reason or "")


async def test_crash_of_a_running_one_is_noticed(make_manager: Callable[..., InstanceManager]) -> None:
    manager = make_manager()
    instance, _ = await manager.open(echo_tool(), None, ORIGIN)
    await reach(instance, STATES.RUNNING)
    (tool,) = [one for one in psutil.Process().children(recursive=True) if str(ECHO_TOOL) in one.cmdline()[:2]]
    tool.kill()
    await reach(instance, STATES.FAILED)
    assert "signal 9" in (instance.reason or "")


async def test_idle_one_ends_but_not_while_in_use(
    make_manager: Callable[..., InstanceManager], assert_nothing_runs: Callable[[], None]
) -> None:
    manager = make_manager()
    instance, _ = await manager.open(echo_tool(idle_timeout_seconds=0.4), None, ORIGIN)
    await reach(instance, STATES.RUNNING)
    started = time.monotonic()
    with instance.in_use():
        while time.monotonic() < started + 1.2:
            assert instance.state is STATES.RUNNING
            await asyncio.sleep(0.05)
    released = time.monotonic()
    await reach(instance, STATES.STOPPED)
    assert time.monotonic() - released > 0.3
    assert instance.reason == "It was ended because nobody used it for 0.4 s."
    await instance.stop()
    assert_nothing_runs()


async def test_restart_and_remove(
    make_manager: Callable[..., InstanceManager], tmp_path: Path, assert_nothing_runs: Callable[[], None]
) -> None:
    manager = make_manager()
    instance, _ = await manager.open(echo_tool(), None, ORIGIN)
    await reach(instance, STATES.RUNNING)
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    assert await manager.restart("echo", echo_tool(), ORIGIN) is instance
    await reach(instance, STATES.RUNNING)
    assert before.isdisjoint(process.pid for process in psutil.Process().children(recursive=True))
    await manager.remove("echo")
    assert manager.list() == []
    assert_nothing_runs()
    for action in (manager.remove("echo"), manager.restart("echo", echo_tool(), ORIGIN)):
        with pytest.raises(InstanceNotFoundError):
            await action


async def test_stop_while_starting_and_open_while_stopping(
    make_manager: Callable[..., InstanceManager], assert_nothing_runs: Callable[[], None]
) -> None:
    manager = make_manager()
    for _ in range(5):
        instance, _ = await manager.open(echo_tool(), None, ORIGIN)
        stopping = asyncio.create_task(instance.stop())
        await asyncio.sleep(0)
        again, _ = await manager.open(echo_tool(), None, ORIGIN)
        await stopping
        await reach(again, STATES.RUNNING)
        assert len(manager.list()) == 1
        await manager.remove(again.id)
        assert_nothing_runs()


async def test_limit(make_manager: Callable[..., InstanceManager]) -> None:
    manager = make_manager(limit=2)
    await manager.open(echo_tool("one"), None, ORIGIN)
    await manager.open(echo_tool("two"), None, ORIGIN)
    with pytest.raises(TooManyInstancesError, match="2 tools"):
        await manager.open(echo_tool("three"), None, ORIGIN)
    assert [one.id for one in manager.list()] == ["one", "two"]
    await manager.remove("one")
    await manager.open(echo_tool("three"), None, ORIGIN)


async def test_limit_holds_for_requests_at_the_same_time(make_manager: Callable[..., InstanceManager]) -> None:
    manager = make_manager(limit=3)
    results = await asyncio.gather(*(manager.open(echo_tool(f"tool-{n}"), None, ORIGIN) for n in range(8)), return_exceptions=True)
    assert sum(isinstance(result, TooManyInstancesError) for result in results) == 5
    assert sum(one.is_active for one in manager.list()) == 3


async def test_close_ends_all_and_leaves_nothing(
    make_manager: Callable[..., InstanceManager], assert_nothing_runs: Callable[[], None]
) -> None:
    manager = make_manager()
    for number in range(3):
        instance, _ = await manager.open(echo_tool(f"tool-{number}"), None, ORIGIN)
    await reach(instance, STATES.RUNNING)
    assert instance.plan is not None
    folder = instance.plan.log.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    await manager.close()
    assert not folder.exists()
    assert_nothing_runs()
    with pytest.raises(TooManyInstancesError):
        await manager.open(echo_tool(), None, ORIGIN)


async def test_platform_tool_is_not_started(make_manager: Callable[..., InstanceManager]) -> None:
    with pytest.raises(ToolNotStartableError):
        await make_manager().open(builtin_tool("mlflow"), None, ORIGIN)


async def test_port_of_somebody_else_is_not_shown(make_manager: Callable[..., InstanceManager]) -> None:
    """A program that is not the tool's answers on the tool's port."""
    code = "import sys, time; print(sys.argv[1], flush=True); time.sleep(600)"
    tool = echo_tool(command=(sys.executable, "-c", code, "{port}"), start_timeout_seconds=2)
    instance, _ = await make_manager().open(tool, None, ORIGIN)
    assert instance.plan is not None
    assert instance.plan.address.port is not None

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered.set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    answered = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", instance.plan.address.port)
    await reach(instance, STATES.FAILED)
    assert answered.is_set()
    server.close()


async def test_placeholders_and_environment(make_manager: Callable[..., InstanceManager], tmp_path: Path) -> None:
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()])); sys.stdout.flush()"
    tool = echo_tool(
        command=(
            sys.executable,
            "-c",
            code,
            "{base_url}",
            "{origin}",
            "{data_dir}",
            "{programs}",
            "{{x}}",
            "{folder}",
            "{socket}",
            "{python}",
        ),
        environment={"MINE": "{base_url}!", "JUPYTERHUB_API_TOKEN": "mine"},
        python="/env/bin/python",
        opens_folder=True,
    )
    (tmp_path / "root").joinpath("ünder score").mkdir(parents=True)
    server = {
        "PATH": "/usr/bin:/bin", "MLFLOW_TRACKING_TOKEN": "s", "JPY_API_TOKEN": "s", "AWS_SECRET_ACCESS_KEY": "k", "PYTHONPATH": "/x",
        "MLFLOW_TRACKING_AUTH": "labyard",
    }  # fmt: skip
    manager = make_manager(environment=server)
    instance, _ = await manager.open(tool, "ünder score", ORIGIN)
    await reach(instance, STATES.FAILED)
    assert instance.plan is not None
    assert instance.plan.address.path is not None
    data = tmp_path / "data" / "echo"
    folder = tmp_path / "root" / "ünder score"
    assert instance.plan.command[3:] == (
        f"/b/labyard/tools/{instance.id}/", ORIGIN, str(data), instance.plan.command[6], "{x}", str(folder), str(instance.plan.address.path),
        "/env/bin/python",
    )  # fmt: skip
    assert instance.plan.command[6] == str(PROGRAMS)
    assert os.lstat(data).st_mode & 0o777 == 0o700
    assert instance.plan.folder == folder
    assert instance.plan.environment == {
        "PATH": "/env/bin:/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "k", "PYTHONUNBUFFERED": "1", "MINE": f"/b/labyard/tools/{instance.id}/!",
        "JUPYTERHUB_API_TOKEN": "mine",
    }  # fmt: skip
    assert len(str(instance.plan.address.path).encode()) < 100


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("JUPYTERHUB_API_TOKEN", True), ("JPY_API_TOKEN", True), ("JUPYTER_TOKEN", True), ("MLFLOW_TRACKING_TOKEN", True),
        ("LABYARD_MLFLOW_TOKEN", True),
        ("MLFLOW_TRACKING_PASSWORD", True), ("JUPYTERHUB_COOKIE_SECRET", True), ("LABYARD_SERVICE_TOKEN", True), ("CONFIGPROXY_AUTH_TOKEN", True),
        ("JUPYTERHUB_SSL_KEYFILE", True), ("JUPYTERHUB_USER", False), ("JUPYTERHUB_SERVICE_PREFIX", False), ("LABYARD_TOOLS_FILE", False),
        ("HF_TOKEN", False), ("PATH", False), ("MLFLOW_TRACKING_URI", False), ("JUPYTERHUB_OAUTH_SCOPES", False),
    ],
)  # fmt: skip
def test_secrets(name: str, secret: bool) -> None:
    assert is_secret(name) is secret
    assert (name in tool_environment(echo_tool(), {name: "x"}, {})) is not secret
    assert name in tool_environment(echo_tool(forward_credentials=True), {name: "x"}, {})


def test_interpreter_without_an_environment_of_its_own(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    assert tool_python(echo_tool(), {"PATH": str(tmp_path)}) == str(python)
    assert tool_python(echo_tool(), {"PATH": "/nowhere"}) == sys.executable


def test_runtime_folder_refuses_long_and_unwritable_places(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    with pytest.raises(RuntimeFolderError, match="too long"):
        _ = RuntimeFolder(long).path
    assert list(long.iterdir()) == []
    with pytest.raises(RuntimeFolderError, match="runtime_dir"):
        _ = RuntimeFolder(Path("/proc")).path


def test_long_temporary_folder_is_left_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("x" * 80)))
    folder = RuntimeFolder()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder.socket()))
    assert folder.path.stat().st_uid == os.getuid()
    folder.remove()


def test_folders_of_killed_servers_are_removed_and_no_others(open_folder: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from labyard_lab.running_tools.runtime import RuntimeFolder\n"
        "print(RuntimeFolder(pathlib.Path(sys.argv[1])).path, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = Path(subprocess.run([sys.executable, "-c", script, open_folder], capture_output=True, text=True, check=False).stdout.strip())
    assert killed.is_dir()
    not_ours = open_folder / "labyard-tools-of-somebody"
    not_ours.mkdir()
    (open_folder / "labyard-tools-link").symlink_to(not_ours)
    living = RuntimeFolder(open_folder)
    assert living.socket().parent.is_dir()
    assert not killed.exists()
    other = RuntimeFolder(open_folder)
    assert other.path != living.path
    assert sorted(open_folder.iterdir()) == sorted([living.path, not_ours, open_folder / "labyard-tools-link", other.path])
    living.remove()
    other.remove()
    assert sorted(open_folder.iterdir()) == sorted([not_ours, open_folder / "labyard-tools-link"])
