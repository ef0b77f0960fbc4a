"""The routes as they should be, and how they get to the file and to the running proxy.

Both are told at once, and neither waits for the other. Changes that come while one is being told go together the next time, so a storm of them costs as much as its time allows.
New routes are appended to the file; for the others it is written again.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from labyard_hub.backends.haproxy.route_file import Route, RouteFile
from labyard_hub.backends.haproxy.runtime import MapChangedError, RuntimeSocket
from labyard_hub.domain.loops import Coalescer

__all__ = ["RouteTable"]

AGAIN_SECONDS = 0.05
"""How soon a proxy that does not run is asked again."""
REST = 9
"""The file is written again for a tenth of the time at most."""
LONGEST_REST_SECONDS = 0.5
MOST_COMMANDS = 200
"""More of them take longer than to tell everything."""


class RouteTable:
    """All routes.

    Parameters
    ----------
    file
        The proxy's map; the last hub's routes are read from it.
    socket
        The proxy's socket.
    """

    def __init__(self, file: Path, socket: Path) -> None:
        self.file = RouteFile(file)
        self.runtime = RuntimeSocket(socket)
        self._routes = self.file.load()
        self._entries = {key: address for route in self._routes.values() for key, address in route.entries.items()}
        self._told: dict[str, str] = {}
        self._changed: set[str] = set()
        # Not the same as another hub's, and none until this one has told the proxy everything.
        self._mark: str | None = None
        # New ones that are to be appended, and paths of former ones that are still in the file.
        self._new: list[str] = []
        self._gone: set[str] = set()
        self._is_whole = self.file.is_as_written()
        self._file_lock = asyncio.Lock()
        self._write_from = 0.0
        self._appending = Coalescer(self._append)
        self._writing = Coalescer(self._write)
        self._telling = Coalescer(self._tell)

    @property
    def routes(self) -> Mapping[str, Route]:
        """The routes, by path, as they are at any time."""
        return MappingProxyType(self._routes)

    async def put(self, route: Route, timeout_seconds: float) -> None:
        """Set a route, and return once the proxy goes by it and it is written down.

        Raises
        ------
        OSError
            If it cannot be written.
        TimeoutError
            If the proxy does not run within this time.
        """
        if (former := self._routes.get(route.path)) is not None:
            self._drop(former)
        self._routes[route.path] = route
        self._entries.update(route.entries)
        self._changed.update(route.entries)
        text = self.file.put(route)
        if former is not None or route.path in self._gone:
            await self._publish(self._writing, timeout_seconds)
        else:
            self._new.append(text)
            await self._publish(self._appending, timeout_seconds)

    async def remove(self, path: str, timeout_seconds: float) -> bool:
        """Remove a route, and return whether there was one; it raises the same."""
        route = self._routes.pop(path, None)
        if route is None:
            return False
        self._drop(route)
        self._gone.add(path)
        self.file.remove(path)
        await self._publish(self._writing, timeout_seconds)
        return True

    async def check(self, timeout_seconds: float) -> list[str]:
        """Tell file and proxy everything again where they do not say what they were told, and return what was wrong."""
        wrong = []
        if not await asyncio.to_thread(self.file.is_as_written):
            wrong.append("the file of the proxy's routes is not as it was written")
            await self._writing.run()
        if self._mark is None:
            await self._tell_until(timeout_seconds)
        elif not await self._has_mark():
            wrong.append("the proxy was started again, or does not run")
            self._mark = None
            await self._tell_until(timeout_seconds)
        return wrong

    async def _has_mark(self) -> bool:
        try:
            return await self.runtime.has_mark(self._mark or "")
        except (OSError, TimeoutError):
            return False

    def _drop(self, route: Route) -> None:
        for key in route.entries:
            self._entries.pop(key, None)
            self._changed.add(key)

    async def _publish(self, file: Coalescer, timeout_seconds: float) -> None:
        written, told = await asyncio.gather(file.run(), self._tell_until(timeout_seconds), return_exceptions=True)
        for problem in (written, told):
            if isinstance(problem, BaseException):
                raise problem

    async def _append(self) -> None:
        async with self._file_lock:
            text = "".join(self._new)
            self._new.clear()
            if self._is_whole:
                try:
                    await asyncio.to_thread(self.file.append, text)
                    return
                except FileNotFoundError:
                    pass
                except OSError:
                    self._is_whole = False
                    raise
            await self._write_anew()

    async def _write(self) -> None:
        await asyncio.sleep(max(0.0, self._write_from - time.monotonic()))
        async with self._file_lock:
            began = time.monotonic()
            try:
                await self._write_anew()
            finally:
                now = time.monotonic()
                self._write_from = now + min((now - began) * REST, LONGEST_REST_SECONDS)

    async def _write_anew(self) -> None:
        self._new.clear()
        self._gone.clear()
        self._is_whole = False
        await asyncio.to_thread(self.file.write, self.file.text())
        self._is_whole = True

    async def _tell_until(self, timeout_seconds: float) -> None:
        async with asyncio.timeout(timeout_seconds):
            while True:
                try:
                    await self._telling.run()
                    return
                except (OSError, TimeoutError):
                    await asyncio.sleep(AGAIN_SECONDS)

    async def _tell(self) -> None:
        changed, self._changed = self._changed, set()
        if self._mark is not None:
            entries, told = self._entries, self._told
            added = {key: entries[key] for key in changed if key in entries and key not in told}
            moved = {key: entries[key] for key in changed if key in entries and key in told and told[key] != entries[key]}
            removed = [key for key in changed if key not in entries and key in told]
            if len(moved) + len(removed) > MOST_COMMANDS:
                await self._tell_all()
                return
            mark, self._mark = self._mark, None
            try:
                await self.runtime.change_routes(added, moved, removed, mark)
            except MapChangedError:
                pass
            else:
                self._mark = mark
                for key in removed:
                    del told[key]
                told.update(added)
                told.update(moved)
                return
        await self._tell_all()

    async def _tell_all(self) -> None:
        self._mark = None
        everything, mark = dict(self._entries), secrets.token_hex(8)
        await self.runtime.replace_routes(everything, mark)
        self._told, self._mark = everything, mark
