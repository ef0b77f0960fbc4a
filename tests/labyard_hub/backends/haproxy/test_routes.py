"""Storms of changes go together, and a proxy that was started again is told everything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from labyard_hub.backends.haproxy.route_file import Route
from labyard_hub.backends.haproxy.routes import RouteTable
from labyard_hub.backends.haproxy.runtime import MapChangedError


class Running:
    """A proxy that takes what it is told, or does not."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.mark: str | None = None
        self.up = True
        self.calls: list[str] = []

    async def replace_routes(self, entries: dict[str, str], mark: str) -> None:
        await self._turn("replace")
        self.entries, self.mark = dict(entries), mark

    async def change_routes(self, added: dict[str, str], changed: dict[str, str], removed: list[str], mark: str) -> None:
        await self._turn("change")
        if mark != self.mark:
            raise MapChangedError
        assert not set(added) & set(self.entries)
        assert set(changed) | set(removed) <= set(self.entries)
        self.entries.update({**added, **changed})
        for key in removed:
            del self.entries[key]

    async def has_mark(self, mark: str) -> bool:
        await self._turn("ask")
        return mark == self.mark

    async def _turn(self, call: str) -> None:
        await asyncio.sleep(0)
        if not self.up:
            raise ConnectionRefusedError
        self.calls.append(call)

    def restart(self) -> None:
        self.entries, self.mark = {}, None


@pytest.fixture
def running() -> Running:
    return Running()


@pytest.fixture
def table(tmp_path: Path, running: Running) -> RouteTable:
    return make_table(tmp_path, running)


def make_table(folder: Path, running: Any) -> RouteTable:
    table = RouteTable(folder / "routes.map", folder / "socket")
    table.runtime = running
    return table


def route(number: int, port: int = 1) -> Route:
    return Route(f"/{number}/", f"http://127.0.0.1:{port}")


async def test_a_storm_costs_a_few_tellings(table: RouteTable, running: Running) -> None:
    await asyncio.gather(*(table.put(route(number), 5) for number in range(500)))
    assert len(running.entries) == 500
    assert running.calls == ["replace"]
    await asyncio.gather(
        *(table.put(route(number, 2), 5) for number in range(250)), *(table.remove(f"/{number}/", 5) for number in range(250, 500))
    )
    assert running.calls == ["replace", "replace"]  # so many commands would take longer
    assert running.entries == {f"%2F{number}%2F": "127.0.0.1|2" for number in range(250)}
    assert len(table.file.path.read_text().splitlines()) == 500
    await asyncio.gather(*(table.put(route(number), 5) for number in range(500, 1000)), table.remove("/0/", 5))
    assert running.calls[2:] == ["change"]
    assert len(running.entries) == 749
    assert len(RouteTable(table.file.path, table.file.path).routes) == 749


async def test_the_file_follows_whatever_happens_to_it(table: RouteTable) -> None:
    """New routes are appended; a file that is gone is written anew, and a route that went and came stands there once."""
    await asyncio.gather(table.put(route(1), 5), table.put(route(2), 5))
    with mock.patch.object(table.file, "write", side_effect=AssertionError("written anew")):
        await asyncio.gather(*(table.put(route(number), 5) for number in range(3, 50)))
    assert table.file.is_as_written()
    await asyncio.gather(table.remove("/3/", 5), table.put(route(3, 4), 5), table.put(route(50), 5))
    assert table.file.path.read_text().count("%2F3%2F ") == 1
    table.file.path.unlink()
    await table.put(route(51), 5)
    assert len(table.file.path.read_text().splitlines()) == 2 * 51
    with (
        mock.patch.object(table.file, "append", side_effect=OSError(28, "No space left on device")),
        pytest.raises(OSError, match="No space"),
    ):
        await table.put(route(52), 5)
    await table.put(route(53), 5)
    assert len(table.file.path.read_text().splitlines()) == 2 * 53
    assert table.file.is_as_written()


async def test_a_route_that_comes_and_goes_and_comes(table: RouteTable, running: Running) -> None:
    await table.put(route(1), 5)
    await asyncio.gather(table.remove("/1/", 5), table.put(route(1, 3), 5), table.put(route(2), 5), table.remove("/2/", 5))
    assert running.entries == {"%2F1%2F": "127.0.0.1|3"}
    assert not await table.remove("/2/", 5)


async def test_a_proxy_that_was_started_anew_is_told_everything(table: RouteTable, running: Running) -> None:
    await table.put(route(1), 5)
    running.restart()
    await table.put(route(2), 5)
    assert set(running.entries) == {"%2F1%2F", "%2F2%2F"}
    running.restart()
    assert await table.check(5) == ["the proxy was started again, or does not run"]
    assert set(running.entries) == {"%2F1%2F", "%2F2%2F"}
    assert await table.check(5) == []


async def test_a_route_waits_for_a_proxy_that_does_not_run_and_gives_up(table: RouteTable, running: Running) -> None:
    running.up = False
    waiting = asyncio.ensure_future(table.put(route(1), 30))
    with pytest.raises(TimeoutError):
        await table.put(route(2), 0.2)
    assert not waiting.done()
    running.up = True
    await waiting
    assert set(running.entries) == {"%2F1%2F", "%2F2%2F"}


async def test_the_next_hub_takes_over_from_the_file(table: RouteTable, running: Running, tmp_path: Path) -> None:
    await table.put(Route("/1/", "http://127.0.0.1:1", {"user": "one"}), 5)
    following = make_table(tmp_path, running)
    assert following.routes == table.routes
    await following.check(5)
    assert running.entries == {"%2F1%2F": "127.0.0.1|1"}
    # The former hub, should it still run, would tell it all again: it sees that the routes are no more its own.
    await table.put(route(3), 5)
    assert "%2F3%2F" in running.entries
    await following.put(route(1), 5)
    assert running.entries == {"%2F1%2F": "127.0.0.1|1"}


async def test_a_full_disk_is_said_and_mended(table: RouteTable, running: Running) -> None:
    table.file.path.mkdir()
    with pytest.raises(OSError, match="directory"):
        await table.put(route(1), 5)
    assert running.entries
    table.file.path.rmdir()
    assert await table.check(5) == ["the file of the proxy's routes is not as it was written"]
    assert "%2F1%2F" in table.file.path.read_text()
