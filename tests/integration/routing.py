"""The proxy as `labyard up` starts it, servers behind it that say which one answered, and the hub's side of it, without a hub."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from labyard_hub.backends.haproxy.configuration import MAP_NAME
from labyard_hub.backends.local.runtime import proxy_socket
from labyard_hub.config.platform import Platform, choose_platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.hub_process.proxy import LabyardProxy
from labyard_hub.supervisor.proxy import proxy_process
from tests.waiting import until

WRITING_HUB = """
import asyncio, pathlib, sys
from tests.integration.routing import make_proxy

async def main(folder, socket, target, first):
    proxy = make_proxy(pathlib.Path(folder), pathlib.Path(socket))
    number = int(first)
    while True:
        await proxy.add_route(f"/user/u{number}/", target, {"user": str(number)})
        print(number, flush=True)
        number += 1

asyncio.run(main(*sys.argv[1:]))
"""

TARGETS = 8
"""Servers behind; each says its port, so a wrong target is seen."""


@dataclass
class Routing:
    """A HAProxy and servers behind it."""

    state: StateFolder
    platform: Platform
    listen: ListenSettings
    ports: list[int]
    session: aiohttp.ClientSession
    process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self.state.run_private / MAP_NAME

    def start_proxy(self) -> None:
        spec = proxy_process(self.state, self.platform, self.listen)
        with (self.state.logs / "proxy.log").open("ab") as log:
            self.process = subprocess.Popen(spec.argv, env=dict(spec.env), stdout=log, stderr=log)

    def kill_proxy(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def hub_side(self, **changes: Any) -> LabyardProxy:
        """Return what a starting hub has."""
        return make_proxy(self.file.parent, proxy_socket(self.state), **changes)

    async def start_hub(self, life: int) -> asyncio.subprocess.Process:
        """Start a process that adds routes one after the other, from the number 1000 * `life` on, and says each when it is there."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITING_HUB, str(self.file.parent), str(proxy_socket(self.state)), self.target(life), str(1000 * life),
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def target(self, number: int) -> str:
        return f"http://127.0.0.1:{self.ports[number % TARGETS]}"

    async def answer(self, path: str, **options: Any) -> str:
        """Return the port of the server that answers for `path`; the status where it is not 200."""
        try:
            async with self.session.get(f"{self.platform.bind_url.rstrip('/')}{path}", **options) as answer:
                return await answer.text() if answer.status == 200 else str(answer.status)
        except aiohttp.ClientError as error:
            return type(error).__name__

    async def wrong(self, expected: dict[str, str]) -> dict[str, str]:
        """Return the routes that do not lead where they should."""
        answers = await asyncio.gather(*(self.answer(f"{path}x") for path in expected))
        return {path: got for (path, want), got in zip(expected.items(), answers, strict=True) if got != want}

    async def all_right(self, expected: dict[str, str], what: str) -> None:
        async def right() -> bool:
            return not await self.wrong(expected)

        try:
            await until(right, what, 20)
        except AssertionError:
            pytest.fail(f"{what}: {await self.wrong(expected)}")


def make_proxy(folder: Path, socket: Path, **changes: Any) -> LabyardProxy:
    hub = SimpleNamespace(routespec="/", host="http://127.0.0.1:1", api_url="")
    options: dict[str, Any] = {
        "should_start": False, "folder": str(folder), "socket": str(socket), "public_url": "http://127.0.0.1:1/",
        "hub": hub, "app": SimpleNamespace(hub=hub),
    }  # fmt: skip
    return LabyardProxy(**{**options, **changes})


@asynccontextmanager
async def open_routing(folder: Path, **listen: Any) -> AsyncIterator[Routing]:
    """Run a proxy and servers until the end of the block; `listen` is as in the settings."""
    async with servers() as ports, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        state = StateFolder.open(folder / "state")
        settings = ListenSettings(port=0, **{"origins": "shared", **listen})
        routing = Routing(state, choose_platform(settings, state, proxy_runs=False, hub_runs=False), settings, ports, session)
        routing.start_proxy()
        try:
            yield routing
        finally:
            routing.kill_proxy()


@asynccontextmanager
async def servers() -> AsyncIterator[list[int]]:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        return web.Response(text=str(request.transport.get_extra_info("sockname")[1]))

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    for _ in range(TARGETS):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield [address[1] for address in runner.addresses]
    finally:
        await runner.cleanup()


async def add_many(routing: Routing, proxy: LabyardProxy, numbers: range) -> dict[str, str]:
    if "/" not in await proxy.get_all_routes():
        await proxy.add_route("/", "http://127.0.0.1:1", {"hub": True})
    paths = {f"/user/u{number}/": number for number in numbers}
    await asyncio.gather(*(proxy.add_route(path, routing.target(number), {"user": path}) for path, number in paths.items()))
    return {path: str(routing.ports[number % TARGETS]) for path, number in paths.items()}


async def as_users(proxy: LabyardProxy) -> dict[str, Any]:
    """Return the routes as the hub's users with running servers."""
    return {
        path: SimpleNamespace(
            name=path,
            spawners={"": SimpleNamespace(ready=True, pending=None, proxy_spec=path, server=SimpleNamespace(host=route["target"]))},
        )
        for path, route in (await proxy.get_all_routes()).items()
        if path != "/"
    }
