"""Runs TensorBoard's data server, which reads event files many times as fast as Python does, where no other account can reach it.

The data server speaks gRPC on a TCP port and asks nobody for a password, and every account of a machine can connect to a port of the loopback interface. So
TensorBoard and its data server go into a network namespace of their own: the loopback interface in it is theirs alone, and only their own account and root
could enter it. The Unix socket that TensorBoard itself listens on is a file and is reached as before. Where the kernel allows no such namespace there is no
data server.
"""

import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # from linux/sched.h
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1  # from linux/sockios.h and linux/if.h
START_SECONDS = 10


class NoDataServerError(Exception):
    """There is no data server; the message says why."""


def enter_private_network():
    """Move this process, which must have one thread only, into a network namespace with nothing but a loopback interface.

    Raises
    ------
    NoDataServerError
        If the kernel does not allow it. Nothing has changed then.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    # Root needs no user namespace, and in one it could not read the files of others any more.
    if libc.unshare(CLONE_NEWNET) != 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            raise NoDataServerError(f"no network namespace of its own: {os.strerror(ctypes.get_errno())}")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            pathlib.Path("/proc/self", name).write_text(text, encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))[:18])[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


class DataServer:
    """A data server that reads one folder, started at once; it ends with this process.

    Parameters
    ----------
    logdir
        Folder with event files in it or below.
    reload_seconds
        Seconds between two looks for new events.
    """

    def __init__(self, logdir, reload_seconds):
        try:
            from tensorboard_data_server import server_binary
        except ImportError:
            raise NoDataServerError("it is not in this environment") from None
        program = server_binary()
        if program is None:
            raise NoDataServerError("there is none for this kind of machine")
        enter_private_network()
        # gRPC would take a proxy from the environment even for the loopback interface.
        os.environ["no_grpc_proxy"] = "localhost,127.0.0.1"  # noqa: SIM112  its name
        self._folder = tempfile.TemporaryDirectory(prefix="labyard-tensorboard-")
        self._port_file = pathlib.Path(self._folder.name, "port")
        self._process = subprocess.Popen(
            [
                program, f"--logdir={logdir}", f"--reload={max(1, round(reload_seconds))}", "--host=127.0.0.1", "--port=0",
                f"--port-file={self._port_file}", "--die-after-stdin",
            ],
            stdin=subprocess.PIPE,
        )  # fmt: skip

    def address(self):
        """Wait until it listens, and return where.

        Raises
        ------
        NoDataServerError
            If it does not.
        """
        deadline = time.monotonic() + START_SECONDS
        while not (text := self._port()).endswith("\n"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                self._folder.cleanup()
                raise NoDataServerError("it did not start")
            time.sleep(0.005)
        self._folder.cleanup()
        threading.Thread(target=self._end_with_it, daemon=True).start()
        return f"127.0.0.1:{int(text)}"

    def _port(self):
        try:
            return self._port_file.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""

    def _end_with_it(self):
        """A TensorBoard without its data server would show nothing, and nobody would know why."""
        code = self._process.wait()
        print(f"TensorBoard's data server ended with code {code}. Start TensorBoard again", file=sys.stderr, flush=True)
        os._exit(1)
