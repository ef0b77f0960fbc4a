"""Runs one tool for a Jupyter server, and leaves nothing of it behind.

Usage: ``python -I -S keeper.py LOG LOG_BYTES GRACE_SECONDS PROGRAM [ARGUMENT ...]``

The keeper stands between the server and the tool because the server alone cannot promise three things: that a tool ends when the server
is killed (the keeper sees its standard input close), that processes which put themselves into the background end too (the keeper is
their subreaper, so they become its children), and that a log stays small without the server copying every byte (the keeper does).

Standard input: the server holds it open; closing it means "stop". Standard output: one JSON object a line, ``{"pid": N}`` once the
program runs and in the end ``{"code": N}``, ``{"signal": N}`` or ``{"error": "..."}``.

It runs by the server's interpreter with nothing but the standard library, and starts in some 20 ms.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36  # from linux/prctl.h
CHUNK = 65536


class Log:
    """A log file that keeps its end: at its full size the older half is cut off."""

    def __init__(self, path, max_bytes):
        self.path, self.max_bytes = path, max_bytes
        self.file = None
        with contextlib.suppress(OSError):  # a full disk must not keep a tool from starting
            self.file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "r+b", buffering=0)

    def write(self, data):
        """Append `data`, or what there is room for."""
        if self.file is None:
            return
        # Without room on the disk output is dropped; a tool must not stand still for its log.
        with contextlib.suppress(OSError):
            if self.file.tell() + len(data) > self.max_bytes:
                self.file.seek(max(0, self.file.tell() - self.max_bytes // 2))
                kept = self.file.read(self.max_bytes)
                self.file.seek(0)
                self.file.truncate()
                self.file.write(kept)
            self.file.write(data[-self.max_bytes // 2 :])


def tell(**event):
    """Tell the server; it may be gone."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(event).encode() + b"\n")


def descendants():
    """Return the ids of all processes below this one."""
    children = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            # The name in parentheses may itself hold spaces and parentheses.
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found, queue = [], [os.getpid()]
    while queue:
        for child in children.get(queue.pop(), ()):
            found.append(child)
            queue.append(child)
    return found


def reap():
    """Collect ended children; return their statuses by process id."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = status
    return ended


def signal_all(number):
    """Send a signal to everything below; return whether there was something."""
    pids = descendants()
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    return bool(pids)


def end_all(output, log, grace):
    """End everything below: first politely, after `grace` seconds by force. Return the statuses."""
    ended = {}
    deadline = time.monotonic() + grace
    asked = set()
    while True:
        ended.update(reap())
        left = descendants()
        if not left:
            return ended
        if time.monotonic() >= deadline:
            signal_all(signal.SIGKILL)  # again and again: a process may fork between the look and the shot
        else:
            for pid in set(left) - asked:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGTERM)
            asked.update(left)
        # A process that still writes must not block on a full pipe while it shuts down.
        if output is not None and select.select([output], [], [], 0.02)[0]:
            data = os.read(output, CHUNK)
            if data:
                log.write(data)
            else:
                output = None
        elif output is None:
            time.sleep(0.02)


def watch(tool_pid, output, wakeup, log):
    """Keep the log until the tool ends or is to be ended; return its status, None if it runs still, and the output if it is open."""
    watched, stopping, status = {0, wakeup, output}, False, None
    while status is None and not stopping:
        for ready in select.select(list(watched), [], [])[0]:
            data = os.read(ready, CHUNK)
            if ready == wakeup:
                stopping = stopping or any(number != signal.SIGCHLD for number in data)
                status = reap().get(tool_pid, status)
            elif ready == 0:
                stopping = stopping or not data
            elif data:
                log.write(data)
            else:
                watched.discard(output)
    # What the program has written last explains why it ended; it lies in the pipe still.
    while output in watched and select.select([output], [], [], 0)[0]:
        data = os.read(output, CHUNK)
        if not data:
            watched.discard(output)
        log.write(data)
    return status, output if output in watched else None


def main():
    """Start the tool, see it through, and leave nothing behind."""
    log_path, log_bytes, grace, *command = sys.argv[1:]
    log = Log(log_path, int(log_bytes))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Signals arrive as bytes in a pipe, so that one select() waits for all there is to wait for.
    wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    output, output_write = os.pipe()
    try:
        tool = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output_write, stderr=output_write)
    except OSError as error:
        message = f"cannot run {command[0]}: {error.strerror}"
        log.write(message.encode() + b"\n")
        tell(error=message)
        return 127
    os.close(output_write)
    tell(pid=tool.pid)
    status, output = watch(tool.pid, output, wakeup_read, log)
    ended = end_all(output, log, float(grace))
    status = ended.get(tool.pid, status)
    tool.returncode = 0  # collected above; keeps Popen from warning
    if status is None or os.WIFEXITED(status):
        tell(code=os.WEXITSTATUS(status or 0))
    else:
        tell(signal=os.WTERMSIG(status))
    return 0


if __name__ == "__main__":
    sys.exit(main())
