"""Asks one URL again and again: how many answers a second, and how long one takes.

``wrk`` does the many where it is installed, since it takes the least of the cores that it shares with what is measured. Else two processes of this module do.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["latencies_ms", "requests_per_second"]

PROCESSES = 2
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def requests_per_second(url: str, headers: Mapping[str, str], *, connections: int, seconds: float) -> float:
    """Return how many answers a second come on so many connections, on each of which the next request follows the last answer."""
    wrk = shutil.which("wrk")
    if wrk is not None:
        options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        told = subprocess.run(
            [wrk, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", *options, url], capture_output=True, text=True, check=True
        ).stdout
        assert "Non-2xx" not in told, told
        return float(told.partition("Requests/sec:")[2].split()[0])
    command = [
        sys.executable,
        "-m",
        __name__,
        url,
        str(connections // PROCESSES),
        str(seconds),
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    return sum(float(client.communicate()[0]) for client in clients)


def latencies_ms(url: str, headers: Mapping[str, str], *, count: int) -> list[float]:
    """Return how long each of `count` requests took, one after the other on one connection."""
    parts = urlsplit(url)
    taken = []
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = _request(url, headers)
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(request)
            answer = connection.recv(2**16)
            while not _is_whole(answer):
                answer += connection.recv(2**18)
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.split(None, 2)[1] == b"200", answer[:300]
    return taken


def _request(url: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    lines = [f"GET {parts.path or '/'}{'?' if parts.query else ''}{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = _LENGTH.search(head)
    return len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")


class _Client(asyncio.Protocol):
    count = 0

    def __init__(self, request: bytes) -> None:
        self._request, self._answer = request, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if _is_whole(self._answer):
            assert self._answer.split(None, 2)[1] == b"200", self._answer[:300]
            self._answer = b""
            _Client.count += 1
            self._transport.write(self._request)  # type: ignore[attr-defined]


async def _load(url: str, connections: int, seconds: float, headers: Mapping[str, str]) -> float:
    parts = urlsplit(url)
    request, loop = _request(url, headers), asyncio.get_running_loop()
    opened = [(await loop.create_connection(lambda: _Client(request), parts.hostname, parts.port))[0] for _ in range(connections)]
    began, before = time.perf_counter(), _Client.count
    await asyncio.sleep(seconds)
    rate = (_Client.count - before) / (time.perf_counter() - began)
    for transport in opened:
        with contextlib.suppress(OSError):
            transport.close()
    return rate


if __name__ == "__main__":
    url, connections, seconds, *lines = sys.argv[1:]
    print(asyncio.run(_load(url, int(connections), float(seconds), dict(line.split(": ", 1) for line in lines))))
