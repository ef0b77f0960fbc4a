"""A hub with thousands of running users, ours and a stock one: starts per second, an ordinary request during a storm of starts, a restart, memory.

``python -m tests.benchmarks.many_users 1000 10000`` measures these sizes; it says what it does, and gives up on what takes longer than its time.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
import httpx

from tests.benchmarks.report import compare
from tests.benchmarks.stub_hub import Hub, stub_hub
from tests.benchmarks.stub_server import stub_server
from tests.platform import open_temporary_folder

SIZES = (1_000, 5_000, 10_000)
STORM = 200
"""Servers that are started."""
AT_ONCE = 32
PROBE_SECONDS = 0.02
ROUNDS = 2
PHASE_SECONDS = 300.0
"""So long each may take; starting and looking after all servers have as much of their own."""


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


@dataclass
class Figures:
    """What was measured, per side."""

    spawns: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    median: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    slowest: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    restart: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    looked: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def report(self, base: str) -> None:
        """Print them against `base`, or against the first where that was not measured."""
        for title, unit, sides in (
            (f"Starts of servers, {AT_ONCE} at once", "1/s", self.spawns),
            ("CPU time of the hub for each start, and for the requests meanwhile", "ms", self.cpu),
            ("GET /hub/api/user during them, median", "ms", self.median),
            ("GET /hub/api/user during them, p99", "ms", self.slowest),
            ("Restart of the hub, until it answers", "s", self.restart),
            ("Restart of the hub, until it has looked after all servers", "s", self.looked),
            ("Memory of the hub", "MiB", self.memory),
        ):
            if sides:
                compare(title, unit, sides, base=base if base in sides else next(iter(sides)))


@contextmanager
def phase(name: str, what: str) -> Iterator[None]:
    """Say what begins and how long it took, or why it did not come to its end."""
    print(f"{time.strftime('%H:%M:%S')} {name}: {what} ...", end=" ", file=sys.stderr, flush=True)
    began = time.perf_counter()
    try:
        yield
    except BaseException as error:
        print(f"given up after {time.perf_counter() - began:.1f} s: {type(error).__name__}", file=sys.stderr, flush=True)
        raise
    print(f"{time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)


def limited_storm(hub: Hub, first: int, count: int) -> tuple[float, list[float]]:
    """Do the same as `storm`, and raise TimeoutError after `PHASE_SECONDS`."""
    return asyncio.run(asyncio.wait_for(storm(hub, first, count), PHASE_SECONDS))


def measure(hub: Hub, name: str, size: int, figures: Figures) -> None:
    """Take all figures of one side with `size` users running."""
    with phase(name, f"{size:,} users with servers are written into the database"):
        hub.fill(size, 2 * STORM + 20)
    for round_number in range(ROUNDS):
        with phase(name, "the hub starts"):
            figures.restart[name].append(hub.start())
        with phase(name, "the hub looks after all servers"):
            figures.looked[name].append(hub.initialized_seconds())
        with phase(name, "the first starts"):
            limited_storm(hub, 2 * STORM + round_number * 10, 10)  # code that was never run is slow
        with phase(name, f"{STORM} starts"):
            before = hub.cpu_seconds()
            rate, probes = limited_storm(hub, round_number * STORM, STORM)
        figures.cpu[name].append((hub.cpu_seconds() - before) / STORM * 1000)
        figures.spawns[name].append(rate)
        figures.median[name].append(statistics.median(probes))
        figures.slowest[name].append(statistics.quantiles(probes, n=100)[98])
        figures.memory[name].append(hub.memory_mib())
        print(f"         {rate:.1f} starts/s, p99 {figures.slowest[name][-1]:.0f} ms, {figures.memory[name][-1]:.0f} MiB", file=sys.stderr)
        with phase(name, "the hub stops"):
            hub.stop()


def main() -> None:
    """Measure and print. A side that does not come to its end is left there, and the others go on."""
    sizes = [int(argument) for argument in sys.argv[1:] if argument.isdigit()] or list(SIZES)
    figures = Figures()
    with open_temporary_folder() as root, stub_server() as port:
        for size in sizes:
            for side in ("stock", "Labyard"):
                with stub_hub(root / f"{side}{size}", port, ours=side == "Labyard") as hub:
                    try:
                        measure(hub, f"{side}, {size:,}", size, figures)
                    except (
                        TimeoutError,
                        AssertionError,
                        OSError,
                        httpx.HTTPError,
                        aiohttp.ClientError,
                        subprocess.TimeoutExpired,
                    ) as error:
                        print(f"{side}, {size:,}: {type(error).__name__}: {str(error)[-2000:]}", file=sys.stderr)
    figures.report(f"stock, {sizes[0]:,}")


if __name__ == "__main__":
    main()
