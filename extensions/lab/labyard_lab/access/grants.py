"""Asks the labyard service what a visitor may do, and knows for how long an answer holds. No role is known here, only what it grants."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from pydantic import ValidationError

from labyard.models.sharing import ProjectAccess, ToolAccess
from labyard.permissions import Capability

__all__ = ["FRESH_SECONDS", "KEEP_SECONDS", "NOTHING", "Grants"]

FRESH_SECONDS = 2.5
"""How long an answer is used without asking again, in seconds."""
KEEP_SECONDS = 8.0
"""How long the last answer holds while the service gives no new one, in seconds. Loops that look once a second add a second."""
ANSWER_SECONDS = 2.0
NOTHING: frozenset[Capability] = frozenset()
MAX_KEPT = 2048


@dataclass
class _Answer:
    """What the service said, and when.

    Attributes
    ----------
    asked_at
        When it was last asked, with or without success.
    """

    capabilities: frozenset[Capability]
    at: float
    asked_at: float


class Grants:
    """What visitors may do.

    Parameters
    ----------
    service_url
        The labyard service, with a trailing slash.
    token
        This server's own token, by which the service knows which server asks.
    server
        Name of this server; empty for its owner's default one.
    clock
        Seconds that only grow.
    """

    def __init__(self, service_url: str, token: str, server: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._url = service_url.rstrip("/") + "/api/v1/"
        self._token, self._server, self._clock = token, server, clock
        self._answers: OrderedDict[tuple[str, str | None], _Answer] = OrderedDict()
        self._asking: dict[tuple[str, str | None], asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def of(self, user: str, instance: str | None = None) -> frozenset[Capability] | None:
        """Return what `user` may do in the project, or with the tool `instance`; None where the service has not said so lately."""
        key = (user, instance)
        answer = self._answers.get(key)
        if answer is None or self._clock() - answer.asked_at >= FRESH_SECONDS:
            await asyncio.shield(self._ask(key))
        return self.last(user, instance)

    def last(self, user: str, instance: str | None = None) -> frozenset[Capability] | None:
        """Return the same by the last answer, and have a new one asked for where that is due. It never waits."""
        key = (user, instance)
        answer = self._answers.get(key)
        now = self._clock()
        if answer is None or now - answer.asked_at >= FRESH_SECONDS:
            self._ask(key)
        return answer.capabilities if answer is not None and now - answer.at <= KEEP_SECONDS else None

    async def close(self) -> None:
        """Close the connections."""
        for task in list(self._asking.values()):
            task.cancel()
        if self._session is not None:
            await self._session.close()

    def _ask(self, key: tuple[str, str | None]) -> asyncio.Task[None]:
        """Ask, together with everyone else who wants to know."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(key))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _fetch(self, key: tuple[str, str | None]) -> None:
        user, instance = key
        asked_at = self._clock()
        try:
            capabilities = await (
                self._get(f"access/{quote(user, safe='')}", {}, ProjectAccess) if instance is None else self._tool(user, instance)
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValidationError):
            kept = self._answers.get(key)
            if kept is not None:
                kept.asked_at = self._clock()  # not again at once: each request would wait for the answer that does not come
            return
        # What was true when the question left is what holds from then on.
        self._answers[key] = _Answer(capabilities, asked_at, asked_at)
        self._answers.move_to_end(key)
        while len(self._answers) > MAX_KEPT:
            self._answers.popitem(last=False)

    async def _tool(self, user: str, instance: str) -> frozenset[Capability]:
        return await self._get("tool-access", {"user": user, "instance": instance, "server": self._server}, ToolAccess)

    async def _get(self, path: str, query: dict[str, str], model: type[ProjectAccess | ToolAccess]) -> frozenset[Capability]:
        headers = {"Authorization": f"token {self._token}", "Accept": "application/json"}
        async with self._open().get(self._url + path, params=query, headers=headers, allow_redirects=False) as response:
            if response.status in (401, 403, 404):
                return NOTHING  # it knows this server no longer, and so none of its visitors
            response.raise_for_status()
            return frozenset(model.model_validate_json(await response.read()).capabilities)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS), trust_env=False)
        return self._session
