"""Forked kernels in a real Jupyter server: what is quicker about them, and that nothing else is different."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import websocket

from labyard_hub.backends.local.environments import EnvironmentStore
from tests.integration.kernels import Output
from tests.labyard_lab.kernel_server import PROGRAM, STOCK, KernelServer, open_kernel_server
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

KERNEL: dict[str, Any] = {"argv": ["-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Own", "language": "python"}

PROBE = """
import gc, json, os, resource, signal, stat, sys, threading

def target(number):
    kind = stat.S_IFMT(os.fstat(number).st_mode)
    return {stat.S_IFSOCK: "socket", stat.S_IFIFO: "pipe"}.get(kind) or os.readlink(f"/proc/self/fd/{number}").split(" ")[0]

found = {
    "environment": dict(os.environ), "folder": os.getcwd(), "arguments": sys.argv, "command": sys.orig_argv, "path": sys.path,
    "flags": repr(sys.flags), "options": sys._xoptions, "executable": sys.executable, "umask": os.umask(0o077), "nice": os.nice(0),
    "leads its session": os.getsid(0) == os.getpid() == os.getpgid(0), "parent": os.getppid(),
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")},
    "signals": {number.name: str(signal.getsignal(number)).split(" at ")[0] for number in signal.Signals},
    "name": __name__, "main": type(sys.modules["__main__"]).__name__, "collector": [gc.get_threshold(), gc.isenabled()],
    "threads": sorted(type(one).__name__ for one in threading.enumerate()),
    "descriptors": sorted(target(int(name)) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")),
    "modules": sorted(sys.modules), "priority": os.sched_getscheduler(0), "recursion": sys.getrecursionlimit(),
    "switch": sys.getswitchinterval(), "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "frozen": "frozen_modules" in sys._xoptions,
}
os.umask(found["umask"])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelServer]:
    with open_kernel_server(tmp_path_factory.mktemp("kernels")) as server:
        server.open_page()
        yield server


def run(server: KernelServer, code: str, *, name: str = "python3", path: str | None = None) -> str:
    """Run code in a new kernel, and end it."""
    session = server.start(name, path)
    with server.connect(session) as kernel:
        output = kernel.result(code)
    server.end(session)
    return output


def take(server: KernelServer, **options: Any) -> tuple[dict[str, Any], psutil.Process]:
    """Have a kernel forked, and return its session and process."""
    server.wait_until_ready()
    session = server.start(**options)
    with server.connect(session) as kernel:
        process = psutil.Process(int(kernel.result("import os; print(os.getpid())")))
    assert PROGRAM in process.cmdline()
    return session, process


def test_it_is_as_any_other(server: KernelServer) -> None:
    """All that a kernel can see of itself is what it is with Jupyter's own start, except for the processes' command line."""
    server.server.root.joinpath("deep").mkdir(exist_ok=True)
    stock, ours = (json.loads(run(server, PROBE, name=name, path=f"deep/{name}.ipynb")) for name in (STOCK, "python3"))
    for one, name in ((stock, STOCK), (ours, "python3")):
        assert one["environment"].pop("JPY_SESSION_NAME").endswith(f"deep/{name}.ipynb")
        assert one["arguments"].pop(-1) == one["command"].pop(-1)
    modules = {side: set(one.pop("modules")) for side, one in (("stock", stock), ("ours", ours))}
    assert modules["ours"] - modules["stock"] == set()
    assert modules["stock"] - modules["ours"] == set()
    for side in (stock, ours):  # how many connections the server has with a kernel changes from moment to moment
        side["descriptors"] = [one for one in side["descriptors"] if one != "socket"]
    for key, value in stock.items():
        assert ours[key] == value, key


def test_none_shares_randomness_or_a_key_with_another(server: KernelServer) -> None:
    code = (
        "import json, os, random, secrets, tempfile, uuid\n"
        "from ipykernel.kernelapp import IPKernelApp\n"
        "app = IPKernelApp.instance()\n"
        "print(json.dumps([random.random(), random.getstate()[1][:3], secrets.token_hex(), str(uuid.uuid4()), tempfile.mktemp(),"
        " app.session.key.decode(), app.session.session]))"
    )
    server.wait_until_ready()
    one, two = (json.loads(run(server, code)) for _ in range(2))
    assert all(mine != yours for mine, yours in zip(one, two, strict=True)), (one, two)


def test_the_users_own_configuration_runs_in_the_right_place(server: KernelServer) -> None:
    """After the process was taken from the pool: it is there that it knows its folder and its notebook."""
    home = server.server.home / ".ipython" / "profile_default"
    (home / "startup").mkdir(parents=True, exist_ok=True)
    (home / "startup" / "own.py").write_text("import os; seen = [os.getcwd(), os.environ['JPY_SESSION_NAME'][-12:]]\n")
    (home / "ipython_config.py").write_text(
        "import os\nc.InteractiveShellApp.exec_lines = [f'configured = {os.getcwd()!r}']\nc.InteractiveShell.colors = 'nocolor'\n"
    )
    server.server.root.joinpath("where").mkdir(exist_ok=True)
    server.wait_until_ready()
    try:
        output = run(
            server,
            "print(json.dumps([*seen, configured, get_ipython().colors]))".replace("print", "import json; print"),
            path="where/book1.ipynb",
        )
    finally:
        (home / "startup" / "own.py").unlink()
        (home / "ipython_config.py").unlink()
    folder = str(server.server.root / "where")
    assert json.loads(output) == [folder, "/book1.ipynb", folder, "nocolor"]


def test_what_it_writes_itself_is_in_the_servers_log(server: KernelServer) -> None:
    for name in (STOCK, "python3"):
        run(server, f"import sys; print('written by {name}', file=sys.__stderr__, flush=True)", name=name)
        wait_until(lambda name=name: f"written by {name}" in server.server.log.read_text(), "it is in the log")  # type: ignore[misc]


def test_a_message_of_15_megabytes_reaches_the_kernel(server: KernelServer) -> None:
    session = server.start()
    with server.connect(session) as kernel:
        assert kernel.result(f"len('{'x' * 15_000_000}')").strip() == "15000000"
    server.end(session)


def test_interrupt(server: KernelServer) -> None:
    session, _ = take(server)
    with server.connect(session) as kernel:
        kernel.result("x = 1")
        request = kernel.begin("import time\nprint('sleeps', flush=True)\nwhile True: time.sleep(0.01)")
        kernel.wait_for(request, "stream")
        server.client.post(f"api/kernels/{session['kernel']['id']}/interrupt").raise_for_status()
        assert kernel.finish(request).error.startswith("KeyboardInterrupt")
        assert kernel.result("print(x)") == "1\n"
    server.end(session)


def test_its_debugger_works(server: KernelServer) -> None:
    """Its modules were imported in another thread than the one that runs the user's code."""
    session, _ = take(server)
    with server.connect(session) as kernel:
        assert kernel.debug("initialize", clientID="test", adapterID="", pathFormat="path")["success"]
        assert kernel.debug("attach")["success"]
        cell = kernel.debug("dumpCell", code="x = 41\nx += 1\nx += 1")["body"]["sourcePath"]
        assert kernel.debug("setBreakpoints", source={"path": cell}, breakpoints=[{"line": 3}], sourceModified=False)["success"]
        assert kernel.debug("configurationDone")["success"]
        request = kernel.begin("x = 41\nx += 1\nx += 1")
        stopped = kernel.wait_for_event("stopped")
        assert kernel.debug("stackTrace", threadId=stopped["body"]["threadId"])["body"]["stackFrames"][0]["line"] == 3
        kernel.tell_debugger("continue", threadId=stopped["body"]["threadId"])
        assert not kernel.finish(request).error
        assert kernel.result("print(x)") == "43\n"
    server.end(session)


def test_restart_gives_another_forked_process(server: KernelServer) -> None:
    session, first = take(server)
    server.wait_until_ready()
    server.client.post(f"api/kernels/{session['kernel']['id']}/restart").raise_for_status()
    with server.connect(session) as kernel:
        second = psutil.Process(int(kernel.result("import os; print(os.getpid())")))
        assert kernel.run("x").error.startswith("NameError")
    assert PROGRAM in second.cmdline()
    assert second.pid != first.pid
    assert not first.is_running()
    server.end(session)
    wait_until(lambda: not second.is_running(), "it ends")


def ask_again(server: KernelServer, session: dict[str, Any], code: str) -> Output:
    """Run `code` in a kernel that is just being started again. Of any kernel, what reaches it at that moment may be lost, so ask until there is an answer."""
    for _ in range(5):
        with server.connect(session, timeout_seconds=20) as kernel, suppress(websocket.WebSocketTimeoutException):
            return kernel.run(code)
    raise AssertionError("the kernel that was started again gives no answer")


@pytest.mark.parametrize("how", ["killed", "crashed", "left"])
def test_a_death_is_noticed_and_it_is_started_again(server: KernelServer, how: str) -> None:
    session, process = take(server)
    with server.connect(session) as kernel:
        kernel.result("x = 1")
        if how == "killed":
            process.send_signal(signal.SIGKILL)
            request = ""
        else:
            request = kernel.begin({"crashed": "import ctypes; ctypes.string_at(0)", "left": "import os; os._exit(3)"}[how])
        assert kernel.finish(request).error == "restarting"
    assert ask_again(server, session, "x").error.startswith("NameError")
    assert not process.is_running()
    server.end(session)


def test_the_end_of_a_fork_server_harms_no_kernel(server: KernelServer) -> None:
    session, _ = take(server)
    (former,) = server.fork_servers()
    with server.connect(session) as kernel:
        kernel.result("x = 1")
        former.kill()
        assert kernel.result("print(x)") == "1\n"
        run(server, "1")
        wait_until(lambda: [one for one in server.fork_servers() if one.pid != former.pid], "there is another fork server")
        assert not psutil.pid_exists(former.pid), "it is collected"
        assert kernel.result("print(x)") == "1\n"
    server.end(session)


def test_an_orphan_of_a_kernel_does_not_become_ours(server: KernelServer) -> None:
    """The server adopts what it has forked; whatever else loses its parent goes to the system, which collects it."""
    session, _ = take(server)
    server.wait_until_ready()
    with server.connect(session) as kernel:
        orphan = psutil.Process(
            int(kernel.result("import subprocess; print(subprocess.check_output('sleep 60 >/dev/null & echo $!', shell=True, text=True))"))
        )
    assert orphan.ppid() != server.process.pid
    orphan.kill()
    server.end(session)
    assert not [child for child in server.process.children() if child.status() == psutil.STATUS_ZOMBIE]


def test_five_at_once(server: KernelServer) -> None:
    server.wait_until_ready()
    sessions = [server.start() for _ in range(5)]
    pids = set()
    for session in sessions:
        with server.connect(session) as kernel:
            pids.add(int(kernel.result("import os; print(os.getpid())")))
    assert len(pids) == 5
    assert all(PROGRAM in psutil.Process(pid).cmdline() for pid in pids)
    for session in sessions:
        server.end(session)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_server(tmp_path: Path, number: signal.Signals) -> None:
    with open_kernel_server(tmp_path) as server:
        server.open_page()
        take(server)
        server.wait_until_ready()
        below = server.process.children(recursive=True)
        assert len(below) == 2
        server.server.stop(number)
        with suppress(psutil.NoSuchProcess):
            wait_until(lambda: not [one for one in below if one.is_running()], "all have ended", 10)


def test_it_rests_when_nobody_is_there(tmp_path: Path) -> None:
    with open_kernel_server(tmp_path, "c.KernelForkServers.idle_seconds = 2") as server:
        assert server.fork_servers() == []  # before anybody has opened a page
        server.open_page()
        session, process = take(server)
        wait_until(lambda: not server.fork_servers(), "only the kernel is left", 20)
        assert server.forked() == [process]
        with server.connect(session) as kernel:
            assert kernel.result("print(1)") == "1\n"
        server.open_page()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[KernelServer, Path]]:
    """A server whose user has an environment of their own, with a kernel that is described with a variable; and the environment's packages."""
    with open_kernel_server(tmp_path) as server:
        own = tmp_path / "own"
        workbench = EnvironmentStore.default(tmp_path).path("workbench")
        subprocess.run([workbench / "bin" / "python", "-m", "venv", "--without-pip", own], check=True)
        packages = next(own.glob("lib/python3*/site-packages"))
        (packages / "workbench.pth").write_text(f"{next(workbench.glob('lib/python3*/site-packages'))}\n")
        server.describe("own", {**KERNEL, "argv": [str(own / "bin" / "python"), *KERNEL["argv"]], "env": {"OF_THE_KERNEL": "${HOME}/data"}})
        server.open_page()
        yield server, packages


def test_a_kernel_of_the_users_own_is_forked_from_its_second_start_on(own: tuple[KernelServer, Path]) -> None:
    server, packages = own
    code = "import os, sys; print(sys.prefix, os.environ['OF_THE_KERNEL'])"
    expected = [str(packages.parent.parent.parent), f"{server.server.home}/data"]
    assert run(server, code, name="own").split() == expected
    assert "ordinary way: there was no fork server, and one is being started" in server.server.log.read_text()
    server.wait_until_ready(2)
    session, _ = take(server, name="own")
    server.end(session)
    assert run(server, code, name="own").split() == expected


def test_a_changed_package_ends_the_fork_server_before_its_next_use(own: tuple[KernelServer, Path]) -> None:
    server, packages = own
    run(server, "1", name="own")
    server.wait_until_ready(2)
    former = {parent.pid for parent in server.fork_servers()}
    (packages / "new_package.py").write_text("")
    process = int(run(server, "import new_package, os; print(os.getpid())", name="own"))
    assert process not in former
    assert "ordinary way: a package or the interpreter has changed" in server.server.log.read_text()
    wait_until(lambda: len({parent.pid for parent in server.fork_servers()} - former) == 1, "there is another fork server")
    server.wait_until_ready(2)
    session, _ = take(server, name="own")
    server.end(session)


def test_what_does_not_fit_is_started_as_ever_and_the_log_says_why(own: tuple[KernelServer, Path]) -> None:
    server, packages = own
    python = str(packages.parent.parent.parent / "bin" / "python")
    server.describe("other", {**KERNEL, "argv": [python, "-u", *KERNEL["argv"]]})
    server.describe("threaded", {**KERNEL, "argv": [python, *KERNEL["argv"]], "env": {"WITH_THREADS": "1"}})
    (packages / "threads.pth").write_text(
        "import os, threading, time; 'WITH_THREADS' in os.environ and threading.Thread(target=time.sleep, args=(999,), daemon=True).start()\n"
    )
    for name, reason in (
        ("other", "its command is not the plain one"),
        ("threaded", "there was no fork server"),
        ("threaded", "an import has started a thread"),
    ):
        assert run(server, "print(1)", name=name) == "1\n"
        assert f"ordinary way: {reason}" in server.server.log.read_text()
        if name == "threaded":
            wait_until(lambda: "cannot fork: an import has started a thread" in server.server.log.read_text(), "the fork server gives up")


def test_without_fork_servers_it_is_jupyters_own_start(tmp_path: Path) -> None:
    with open_kernel_server(tmp_path, "c.KernelForkServers.most = 0") as server:
        assert run(server, "print(1)") == "1\n"
        assert server.forked() == []
