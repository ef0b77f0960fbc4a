"""A hub with thousands of running users, ours and a stock one: starts per second, an ordinary request during a storm of starts, a restart, memory.

``python -m tests.benchmarks.many_users 1000 10000`` measures these sizes.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import defaultdict

import aiohttp

from tests.benchmarks.report import compare
from tests.benchmarks.stub_hub import Hub, stub_hub
from tests.benchmarks.stub_server import stub_server
from tests.platform import open_temporary_folder

SIZES = (1_000, 5_000)
STORM = 200
"""Servers that are started."""
AT_ONCE = 32
PROBE_SECONDS = 0.02


async def storm(hub: Hub, first: int, count: int) -> tuple[float, list[float]]:
    """Start `count` servers, and return how many per second, and the milliseconds that each of the requests meanwhile took."""
    token = hub.token_of("run00000")
    probes: list[float] = []
    queue = iter(range(first, first + count))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(120)) as session:

        async def start_some() -> None:
            for number in queue:
                async with session.post(f"{hub.url}api/users/wait{number:05d}/server", headers=hub.headers) as answer:
                    assert answer.status in (201, 202), (answer.status, await answer.text())
                while answer.status == 202 and not await ready(number):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)

        async def ready(number: int) -> bool:
            async with session.get(f"{hub.url}api/users/wait{number:05d}", headers=hub.headers) as answer:
                return bool((await answer.json())["servers"][""]["ready"])

        async def probe() -> None:
            while True:
                began = time.perf_counter()
                async with session.get(f"{hub.url}api/user", headers={"Authorization": f"token {token}"}) as answer:
                    assert answer.status == 200
                    await answer.read()
                probes.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(PROBE_SECONDS)

        began = time.perf_counter()
        probing = asyncio.create_task(probe())
        await asyncio.gather(*(start_some() for _ in range(AT_ONCE)))
        took = time.perf_counter() - began
        probing.cancel()
    return count / took, probes


def main() -> None:
    """Measure and print."""
    sizes = [int(argument) for argument in sys.argv[1:] if argument.isdigit()] or list(SIZES)
    spawns: dict[str, list[float]] = defaultdict(list)
    median: dict[str, list[float]] = defaultdict(list)
    slowest: dict[str, list[float]] = defaultdict(list)
    restart: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    with open_temporary_folder() as root, stub_server() as port:
        for size in sizes:
            for side in ("stock", "Labyard"):
                name = f"{side}, {size:,}"
                with stub_hub(root / f"{side}{size}", port, ours=side == "Labyard") as hub:
                    hub.fill(size, 2 * STORM + 20)
                    for round_number in range(2):
                        restart[name].append(hub.start())
                        hub.initialized_seconds()
                        asyncio.run(storm(hub, 2 * STORM + round_number * 10, 10))  # code that was never run is slow
                        before = hub.cpu_seconds()
                        rate, probes = asyncio.run(storm(hub, round_number * STORM, STORM))
                        cpu[name].append((hub.cpu_seconds() - before) / STORM * 1000)
                        spawns[name].append(rate)
                        median[name].append(statistics.median(probes))
                        slowest[name].append(statistics.quantiles(probes, n=100)[98])
                        memory[name].append(hub.memory_mib())
                        hub.stop()
                print(
                    name,
                    "starts/s",
                    spawns[name],
                    "p99",
                    slowest[name],
                    "restart",
                    restart[name],
                    "cpu",
                    cpu[name],
                    "MiB",
                    memory[name],
                    file=sys.stderr,
                )
    base = f"stock, {sizes[0]:,}"
    compare(f"Starts of servers, {AT_ONCE} at once", "1/s", spawns, base=base)
    compare("CPU time of the hub for each start, and for the requests meanwhile", "ms", cpu, base=base)
    compare("GET /hub/api/user during them, median", "ms", median, base=base)
    compare("GET /hub/api/user during them, p99", "ms", slowest, base=base)
    compare("Restart of the hub, until it answers", "s", restart, base=base)
    compare("Memory of the hub", "MiB", memory, base=base)


if __name__ == "__main__":
    main()
