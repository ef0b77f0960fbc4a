"""Asks the labyard service who a caller is and which workspaces they may use."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

__all__ = ["READ", "WRITE", "Authority", "Caller", "RefusedError"]

READ, WRITE = "read_tracking", "write_tracking"
"""The service's words for what may be done with a workspace (`labyard.permissions.Capability`)."""

FRESH_SECONDS = 2.0
"""How long an answer counts without a question, in seconds. After it a request gets the kept answer once more while the gateway asks again, so no user waits."""
CACHE_SECONDS = 5.0
"""How long an answer counts at all, in seconds. The service keeps the hub's answer for 3 s, so a revoked token works for at most 8 s."""
CACHE_ENTRIES = 2048
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Caller:
    """Somebody whom the service knows.

    Attributes
    ----------
    user
        Name.
    workspace
        The workspace that a request without a choice means.
    workspaces
        What the caller may do, by name of workspace; all of them may be read.
    projects
        Workspace by name of project.
    shared_models
        Workspace and name of models that may be loaded from workspaces that are not among `workspaces`.
    """

    user: str
    workspace: str
    workspaces: Mapping[str, frozenset[str]]
    projects: Mapping[str, str] = field(default_factory=dict)
    shared_models: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def from_answer(cls, body: Any) -> Caller:
        """Return whom the service's answer describes.

        Raises
        ------
        KeyError, TypeError, AttributeError
            If it is no such answer.
        """
        return cls(
            user=str(body["user"]),
            workspace=str(body["workspace"]),
            workspaces={str(name): frozenset(may) for name, may in body["workspaces"].items() if READ in may},
            projects={str(name): str(workspace) for name, workspace in body.get("projects", {}).items()},
            shared_models=frozenset((str(one["workspace"]), str(one["model"])) for one in body.get("shared_models", ())),
        )


class RefusedError(Exception):
    """The caller is unknown, may not do this, or nobody can say."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        self.status = status
        self.code = code
        """MLflow's word for it, where the status does not say enough."""
        super().__init__(message)


class Authority:
    """Answers from the service, kept for a moment.

    Parameters
    ----------
    client
        Its base URL is the service's.
    clock
        Seconds that only grow.
    """

    def __init__(self, client: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, Caller | RefusedError]] = OrderedDict()
        """When it was asked for, and what came."""
        self._asking: dict[str, asyncio.Task[Caller | RefusedError]] = {}

    async def identify(self, authorization: str | None, cookie: str | None) -> Caller:
        """Return who sends this ``Authorization`` header or, without one, this session cookie.

        Raises
        ------
        RefusedError
            401 for nobody, 403 for a token that may not use MLflow, 503 if the service does not answer.
        """
        if not authorization and not cookie:
            raise RefusedError(401, "Sign in, or send a token as `Authorization: Bearer TOKEN` (MLFLOW_TRACKING_TOKEN).")
        # Credentials are never keys themselves: what is in memory longest should be worth least.
        key = hashlib.sha256(f"{authorization}\0{cookie}".encode()).hexdigest()
        asked_at, answer = self._cache.get(key, (-math.inf, None))
        age = self._clock() - asked_at
        # A refusal is not kept beyond its time: a user who was just let in should not wait.
        if answer is None or age >= (CACHE_SECONDS if isinstance(answer, Caller) else FRESH_SECONDS):
            answer = await asyncio.shield(self._ask_once(key, authorization, cookie))
        elif age >= FRESH_SECONDS:
            self._ask_once(key, authorization, cookie)
        if isinstance(answer, RefusedError):
            raise RefusedError(answer.status, str(answer), answer.code)
        return answer

    def _ask_once(self, key: str, authorization: str | None, cookie: str | None) -> asyncio.Task[Caller | RefusedError]:
        """Ask, together with all other requests that need the same answer now."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask_and_keep(key, authorization, cookie))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _ask_and_keep(self, key: str, authorization: str | None, cookie: str | None) -> Caller | RefusedError:
        asked_at = self._clock()
        answer = await self._ask(authorization, cookie)
        if isinstance(answer, Caller) or answer.status in (401, 403):
            self._cache[key] = (asked_at, answer)
            self._cache.move_to_end(key)
            while len(self._cache) > CACHE_ENTRIES:
                self._cache.popitem(last=False)
        return answer

    async def _ask(self, authorization: str | None, cookie: str | None) -> Caller | RefusedError:
        headers = {"Authorization": authorization} if authorization else {"Cookie": cookie or ""}
        try:
            answer = await self._client.get("api/v1/authorize", headers=headers)
            body: Any = answer.json()
            if answer.status_code == 200:
                return Caller.from_answer(body)
            if answer.status_code in (401, 403):
                return RefusedError(answer.status_code, str(body["error"]["message"]))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return RefusedError(503, "The labyard service, which knows who may do what, does not answer. Try again in a moment.")
