"""Requests per second and added latency on the way into a tool: direct, through the outer proxy and the tool proxy.

The tool answers a few bytes from an asyncio server on a Unix socket. One client of 16 connections loads each side in turn.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import aiohttp
import httpx
import yaml

from tests.benchmarks.report import compare
from tests.platform import RunningPlatform, open_temporary_folder, start_platform, wait_until

ROUNDS = 5
CONNECTIONS = 16
SECONDS = 3.0
PASSWORD = "correct horse battery"

SERVER = """
import asyncio, sys
from aiohttp import web

async def answer(request):
    return web.Response(text="ok")

app = web.Application()
app.router.add_route("*", "/{path:.*}", answer)
web.run_app(app, path=sys.argv[1], print=None, access_log=None)
"""


async def _load(connector: aiohttp.BaseConnector, url: str, headers: dict[str, str]) -> tuple[float, float]:
    """Return requests per second with 16 connections, and the median latency in ms with one."""
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def once() -> float:
            started = time.perf_counter()
            async with session.get(url) as answer:
                await answer.read()
                answer.raise_for_status()
            return time.perf_counter() - started

        for _ in range(50):
            await once()
        alone = sorted([await once() for _ in range(300)])
        deadline = time.perf_counter() + SECONDS

        async def many() -> int:
            count = 0
            while time.perf_counter() < deadline:
                await once()
                count += 1
            return count

        counts = await asyncio.gather(*(many() for _ in range(CONNECTIONS)))
    return sum(counts) / SECONDS, alone[len(alone) // 2] * 1000


def _tool_socket(running: RunningPlatform, headers: dict[str, str]) -> tuple[Path, str]:
    """Start the tool, and return its socket and its URL behind the proxies."""
    api = f"{running.url}user/ada/labyard/api/v1/"
    instance = httpx.post(f"{api}instances", headers=headers, json={"tool": "echo", "folder": None}, timeout=30).json()
    path = f"{api}instances/{instance['id']}"
    wait_until(lambda: httpx.get(path, headers=headers).json()["state"] == "running", "the tool runs", 60)
    socket = next(Path("/run/labyard").glob(f"{running.state.instance}/*/**/*.sock"))
    return socket, running.url.rstrip("/") + instance["url"]


def main() -> None:
    """Measure and print."""
    rates: dict[str, list[float]] = {"direct": [], "through both proxies": []}
    latencies: dict[str, list[float]] = {"direct": [], "through both proxies": []}
    with open_temporary_folder() as root:
        (root / "tools.d").mkdir()
        (root / "echo.py").write_text(SERVER)
        tool = {"name": "echo", "title": "Echo", "command": [sys.executable, str(root / "echo.py"), "{socket}"]}
        (root / "tools.d" / "echo.yaml").write_text(yaml.safe_dump(tool))
        (root / "config.yaml").write_text("tools:\n  enabled: []\n")
        with start_platform(root / "state", "--config", str(root / "config.yaml")) as running:
            running.add_user("ada", PASSWORD)
            session = running.session("ada", PASSWORD)
            session.start_server("ada")
            headers = {"Authorization": f"token {session.token('ada')}"}
            socket, url = _tool_socket(running, headers)
            for _ in range(ROUNDS):
                for side, connector, target in (
                    ("direct", lambda: aiohttp.UnixConnector(str(socket), limit=CONNECTIONS), "http://tool/"),
                    ("through both proxies", lambda: aiohttp.TCPConnector(limit=CONNECTIONS), url),
                ):

                    async def measure(connector=connector, target=target) -> tuple[float, float]:  # type: ignore[no-untyped-def]
                        return await _load(connector(), target, headers)

                    rate, latency = asyncio.run(measure())
                    rates[side].append(rate)
                    latencies[side].append(latency)
    compare(f"Requests per second into a tool, {CONNECTIONS} connections", "1/s", rates, base="direct")
    compare("Latency of one request into a tool, one connection", "ms", latencies, base="direct")
