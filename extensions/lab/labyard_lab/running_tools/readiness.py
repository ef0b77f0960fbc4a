"""Whether a starting tool answers yet."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import aiohttp
import psutil
from yarl import URL

__all__ = ["Address", "free_port", "wait_until_ready"]

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.15  # a look at a socket that is not there yet costs a fraction of a millisecond
_CHECK_TIMEOUT_SECONDS = 10
_MAX_HEADER_BYTES = 64 * 1024


class Address:
    """Where a tool listens: a Unix socket, or a TCP port, of the loopback interface unless `host` says otherwise."""

    def __init__(self, *, path: Path | None = None, port: int | None = None, host: str = "127.0.0.1") -> None:
        self.path, self.port, self.host = path, port, host

    def connector(self) -> aiohttp.BaseConnector:
        """Return what makes connections to it.

        Connections are kept for a second only: a tool that closes an idle one at the moment when it is used again would cost a request.
        """
        if self.path is not None:
            return aiohttp.UnixConnector(str(self.path), limit=0, keepalive_timeout=1)
        return aiohttp.TCPConnector(limit=0, keepalive_timeout=1)

    def session(self) -> aiohttp.ClientSession:
        """Return what requests are passed on with: nothing of them is changed, and nothing limits their time."""
        return aiohttp.ClientSession(
            connector=self.connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            read_bufsize=2**18,
            trust_env=False,
        )

    def url(self, scheme: str, target: str) -> URL:
        """Return the URL for a request target, which stays as it is, byte for byte."""
        host = "localhost" if self.port is None else f"{self.host}:{self.port}"
        return URL(f"{scheme}://{host}{target}", encoded=True)


def free_port() -> int:
    """Return a TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens_below(keeper_pid: int, port: int) -> bool:
    """Return whether a process below the keeper listens on `port`."""
    try:
        processes = psutil.Process(keeper_pid).children(recursive=True)
    except psutil.Error:
        return False
    for process in processes:
        try:
            connections = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections):
            return True
    return False


async def wait_until_ready(session: aiohttp.ClientSession, address: Address, target: str, keeper_pid: int) -> None:
    """Return when a request for `target` is answered with a status below 500; never, if it never is.

    For a TCP port the answer counts only if the tool's own processes listen there: on a machine with several users anybody could have
    taken the port in the meantime, and would be shown in the tool's tab.
    """
    pause = _FIRST_PAUSE_SECONDS
    url = address.url("http", target)
    timeout = aiohttp.ClientTimeout(total=_CHECK_TIMEOUT_SECONDS)
    while True:
        try:
            async with session.get(url, timeout=timeout, allow_redirects=False) as response:
                ready = response.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            ready = False
        if ready and (address.port is None or await asyncio.to_thread(_listens_below, keeper_pid, address.port)):
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
