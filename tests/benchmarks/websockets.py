"""Thousands of idle websockets through the outer proxy as we run it: does its memory stay?

``python -m tests.benchmarks.websockets 60`` watches for an hour instead of two minutes. The browsers' side is this process, the servers' side one stub.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from pathlib import Path

import psutil

from tests.benchmarks.proxies import HAProxy, path_of
from tests.benchmarks.report import compare
from tests.benchmarks.stub_server import stub_server
from tests.platform import open_temporary_folder

SOCKETS = 3_000
MINUTES = 2.0
SAMPLES = 8
AT_ONCE = 100
PING = bytes([0x89, 0x80, 0, 0, 0, 0])
PONG = bytes([0x8A, 0])

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _open(port: int, number: int, gate: asyncio.Semaphore) -> Connection:
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        head = f"GET {path_of(number % 100)}api/kernels HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        writer.write(f"{head}Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer, answer
        return reader, writer


async def _ping(connection: Connection) -> None:
    reader, writer = connection
    writer.write(PING)
    assert await asyncio.wait_for(reader.readexactly(len(PONG)), 60) == PONG


async def _watch(proxy: HAProxy, minutes: float) -> tuple[float, list[float]]:
    """Return the memory with no socket, and with all, from the first moment to the last."""
    alone = proxy.memory_mib()
    gate = asyncio.Semaphore(AT_ONCE)
    connections = await asyncio.gather(*(_open(proxy.port, number, gate) for number in range(SOCKETS)))
    values = [proxy.memory_mib()]
    for _ in range(SAMPLES):
        ends = time.monotonic() + minutes * 60 / SAMPLES
        while time.monotonic() < ends:
            # A tab that is open but not used says so every half a minute, as JupyterLab's does.
            await asyncio.sleep(min(30.0, max(0.0, ends - time.monotonic())))
            await asyncio.gather(*map(_ping, connections))
        values.append(proxy.memory_mib())
    await asyncio.gather(*map(_ping, connections))
    for _, writer in connections:
        writer.close()
    return alone, values


def main() -> None:
    """Measure and print; it fails where one socket was dropped."""
    minutes = next((float(argument) for argument in sys.argv[1:] if argument.replace(".", "").isdigit()), MINUTES)
    wanted = 2 * SOCKETS + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    with open_temporary_folder() as root, stub_server() as target:
        proxy = HAProxy(root / "proxy", Path("/nowhere"), target)
        try:
            proxy.start(proxy.prepare(100))
            alone, values = asyncio.run(_watch(proxy, minutes))
        finally:
            if proxy.process is not None and psutil.pid_exists(proxy.process.pid):
                proxy.kill()
    sides = {
        "no socket": [alone],
        f"{SOCKETS:,}, at first": [values[0]],
        f"after {minutes:g} minutes": [values[-1]],
        "on the way": values[1:-1],
    }
    compare(f"Memory of the proxy with {SOCKETS:,} idle websockets, none dropped", "MiB", sides, base=f"{SOCKETS:,}, at first")


if __name__ == "__main__":
    main()
