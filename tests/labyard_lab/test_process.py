"""The keeper with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from labyard_lab.running_tools.logs import read_log_tail
from labyard_lab.running_tools.process import Ending, ToolProcess
from tests.waiting import wait_until

# Writes its own process id and one of a grandchild that has left its session and parent behind.
DAEMON = """
import os, signal, sys, time
{ignore}
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1] + ".daemon", "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
open(sys.argv[1] + ".main", "w").write(str(os.getpid()))
{then}
"""


def daemon(ignore: str = "", then: str = "time.sleep(600)") -> list[str]:
    return [sys.executable, "-c", DAEMON.format(ignore=ignore, then=then)]


def pid_in(path: Path) -> int:
    return int(wait_until(lambda: path.exists() and path.read_text(), str(path)))


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def run(tmp_path: Path, *command: str, log_bytes: int = 10_000, grace: float = 2) -> ToolProcess:
    process = ToolProcess(tmp_path / "log", log_bytes, grace)
    await process.start(command, tmp_path, dict(os.environ))
    return process


@pytest.mark.parametrize(
    ("code", "ending", "sentence"),
    [
        ("print('hello')", Ending(code=0), "It ended with code 0."),
        ("raise SystemExit(3)", Ending(code=3), "It ended with code 3."),
        ("import os; os.kill(os.getpid(), 6)", Ending(signal=6), "It was ended by signal 6 (SIGABRT)."),
        ("import os; os.kill(os.getpid(), 9)", Ending(signal=9), "memory was used up"),
        ("import os; os.kill(os.getpid(), 40)", Ending(signal=40), "signal 40"),
    ],
)
async def test_ending_is_told(tmp_path: Path, code: str, ending: Ending, sentence: str) -> None:
    process = await run(tmp_path, sys.executable, "-c", code)
    assert await process.wait() == ending
    assert sentence in ending.sentence()


async def test_missing_program(tmp_path: Path) -> None:
    process = await run(tmp_path, "no-such-program-anywhere")
    ending = await process.wait()
    assert ending == Ending(error="cannot run no-such-program-anywhere: No such file or directory")
    assert read_log_tail(tmp_path / "log") == [ending.error]


async def test_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    process = ToolProcess(tmp_path / "log", 1000, 1)
    with pytest.raises(OSError, match="No such file"):
        await process.start(["true"], tmp_path / "nowhere", dict(os.environ))
    assert await process.stop() == Ending(code=0)


async def test_last_words_are_in_the_log(tmp_path: Path) -> None:
    process = await run(tmp_path, sys.executable, "-c", "import sys; print('out'); sys.stderr.write('err\\n'); raise SystemExit(1)")
    await process.wait()
    assert sorted(read_log_tail(tmp_path / "log")) == ["err", "out"]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


async def test_log_stays_small_and_keeps_its_end(tmp_path: Path) -> None:
    process = await run(tmp_path, sys.executable, "-c", "for i in range(200000): print('line', i)")
    await process.wait()
    assert (tmp_path / "log").stat().st_size <= 10_000
    assert read_log_tail(tmp_path / "log")[-1] == "line 199999"


async def test_full_disk_does_not_stop_a_tool(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    process = await run(tmp_path, sys.executable, "-c", f"print('x' * 100000); open({str(tmp_path / 'done')!r}, 'w')")
    assert await process.wait() == Ending(code=0)
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("ignore", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
async def test_stop_ends_the_whole_tree(tmp_path: Path, ignore: str) -> None:
    process = await run(tmp_path, *daemon(ignore), str(tmp_path / "pid"), grace=0.5)
    pids = [pid_in(tmp_path / "pid.daemon"), pid_in(tmp_path / "pid.main")]
    ending = await process.stop()
    assert ending.signal == (signal.SIGKILL if ignore else signal.SIGTERM)
    assert all(is_gone(pid) for pid in pids)


async def test_what_a_tool_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    process = await run(tmp_path, *daemon(then="raise SystemExit(4)"), str(tmp_path / "pid"))
    assert await process.wait() == Ending(code=4)
    assert is_gone(pid_in(tmp_path / "pid.daemon"))


async def test_stop_may_be_called_twice_and_late(tmp_path: Path) -> None:
    process = await run(tmp_path, "true")
    await process.wait()
    assert await process.stop() == Ending(code=0)
    assert await process.stop() == Ending(code=0)


def test_tools_end_when_the_server_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, pathlib, os, sys\n"
        "from labyard_lab.running_tools.process import ToolProcess\n"
        "async def main():\n"
        "    await ToolProcess(pathlib.Path(sys.argv[1]) / 'log', 1000, 1).start(sys.argv[2:], pathlib.Path('/'), dict(os.environ))\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path), *daemon(), str(tmp_path / "pid")]) as server:
        pids = [pid_in(tmp_path / "pid.daemon"), pid_in(tmp_path / "pid.main")]
        server.kill()
    wait_until(lambda: all(is_gone(pid) for pid in pids), "the tools' end", 15)


def test_log_tail_is_plain_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\x1b[31mred\x1b[0m\r\n 10%\r 50%\r100%\n\x1b]0;title\x07bell\x07\n\xff\n" + b"x" * 2000 + b"\n\n\n")
    assert read_log_tail(log) == ["red", "100%", "bell", "\ufffd", "x" * 500]
    assert read_log_tail(tmp_path / "nowhere") == []
    log.write_text("\n".join(f"line {number}" for number in range(10_000)))
    tail = read_log_tail(log)
    assert (len(tail), tail[-1]) == (60, "line 9999")
