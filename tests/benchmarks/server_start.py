"""A server's start, without a browser: from the request to "ready", what it costs, and how long many people wait who come at once.

The stock side is a JupyterHub with the same versions of everything (`tests.benchmarks.sign_in.stock_hub`). Both sides start servers of new users in turn. "Ordinary" is ours with `warm_start: false`: what a
start costs where no process can be forked, as in a pod.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
import psutil

from tests.benchmarks.report import compare
from tests.benchmarks.sign_in import PASSWORD, stock_hub
from tests.platform import Browserless, RunningPlatform, open_temporary_folder, start_platform, wait_until

ROUNDS = 5
PEOPLE = 30
LOOK_SECONDS = 0.02
PROGRAM = "singleuser"
NO_TOOLS = "tools: {{enabled: []}}\nservers: {{warm_start: {warm}}}\n"


@dataclass
class Side:
    """One hub."""

    url: str
    root: int
    """Process that all servers descend from."""
    add_user: Callable[[str], None]
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def token(self, name: str) -> str:
        self.add_user(name)
        session = Browserless(self.url)
        try:
            session.sign_in(name, PASSWORD)
            return session.token(name)
        finally:
            session.http.close()

    def measure(self, name: str) -> None:
        """Start one server."""
        token = self.token(name)
        before = self.servers()
        self.seconds.append(asyncio.run(start_all(self.url, {name: token})))
        [process] = self.servers() - before
        used = process.cpu_times()
        self.cpu_seconds.append(used.user + used.system)
        self.memory.append(process.memory_full_info().uss / 2**20)

    def servers(self) -> set[psutil.Process]:
        return {
            one
            for one in psutil.Process(self.root).children(recursive=True)
            if PROGRAM in " ".join(one.cmdline()) and one.status() != psutil.STATUS_ZOMBIE
        }


async def start_all(url: str, tokens: dict[str, str]) -> float:
    """Start the servers of several people at once; return the seconds until the last one is ready."""

    async def start(client: httpx.AsyncClient, name: str, token: str) -> None:
        headers = {"Authorization": f"token {token}"}
        posted = await client.post(f"{url}hub/api/users/{name}/server", headers=headers)
        posted.raise_for_status()
        while True:
            user = (await client.get(f"{url}hub/api/users/{name}", headers=headers)).json()
            if user["servers"].get("", {}).get("ready"):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async with httpx.AsyncClient(timeout=600, trust_env=False, limits=httpx.Limits(max_connections=None)) as client:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for name, token in tokens.items():
                group.create_task(start(client, name, token))
        return time.perf_counter() - started


def ours(running: RunningPlatform) -> Side:
    """Return our side of a platform."""
    return Side(running.url, running.process.pid, lambda name: running.add_user(name, PASSWORD))


def main() -> None:
    """Measure and print."""
    with open_temporary_folder() as root, ExitStack() as stack:
        sides: dict[str, Side] = {}
        (root / "stock").mkdir()
        url = stack.enter_context(stock_hub(root / "stock", 'c.JupyterHub.default_url = "/hub/home"  # else a sign-in starts a server'))
        [hub] = [one for one in psutil.Process().children() if "jupyterhub" in " ".join(one.cmdline())]
        sides["stock"] = Side(url, hub.pid, lambda _: None)
        for name, warm in (("Labyard", "true"), ("Labyard, ordinary", "false")):
            (root / f"{warm}.yaml").write_text(NO_TOOLS.format(warm=warm))
            running = stack.enter_context(start_platform(root / warm, "--config", str(root / f"{warm}.yaml")))
            sides[name] = ours(running)
            if warm == "true":
                wait_until(
                    lambda platform=running: re.search(r"fork server \d+ is ready", platform.log("hub")), "the fork server is ready", 60
                )
        for number in range(ROUNDS + 1):
            for side in sides.values():
                side.measure(f"user{number}")
        together = {name: people_at_once(side) for name, side in sides.items() if name != "Labyard, ordinary"}
    what = "from the request to ready"  # the first of each warms the disk's cache
    compare(f"Start of a server, {what}", "s", {name: side.seconds[1:] for name, side in sides.items()}, base="stock")
    compare(f"Start of a server, {what}: the slowest", "s", {name: [max(side.seconds[1:])] for name, side in sides.items()}, base="stock")
    compare(f"CPU time of a server {what}", "s", {name: side.cpu_seconds[1:] for name, side in sides.items()}, base="stock")
    compare(
        "Memory of an idle server that it shares with nobody", "MiB", {name: side.memory[1:] for name, side in sides.items()}, base="stock"
    )
    compare(f"{PEOPLE} people at once, until the last one's server is ready", "s", together, base="stock")


def people_at_once(side: Side) -> list[float]:
    """Return the seconds until all have their server, once: it takes a minute on the stock side."""
    tokens = {name: side.token(name) for name in (f"guest{number}" for number in range(PEOPLE))}
    return [asyncio.run(start_all(side.url, tokens))]


if __name__ == "__main__":
    main()
