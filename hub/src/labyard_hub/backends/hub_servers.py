"""Projects' servers, and visits to people's own, by the hub's REST API and the routes that Labyard adds to it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import structlog

from labyard.models.sharing import ProjectServer, ProjectServerState
from labyard_hub.exceptions import HubUnavailableError, ServerStartError

__all__ = ["HubServers"]

TIMEOUT_SECONDS = 5.0
START_TIMEOUT_SECONDS = 60.0
"""The hub answers when the server is ready, or after 10 s; nobody waits here for it."""
STOP_TIMEOUT_SECONDS = 60.0
LOOK_SECONDS = 0.5
"""How often it is looked whether a server that stops has stopped."""
SETTLE_SECONDS = 1.0
"""A start that fails at once, such as for want of an account, is told to the caller."""

_log = structlog.get_logger("labyard.servers")


class HubServers:
    """The servers that projects own.

    Parameters
    ----------
    client
        Connections; the caller closes them.
    api_url
        The hub's REST API.
    base_url
        The hub's URL path, for browsers, with a trailing slash.
    api_token
        The service's own.
    """

    def __init__(self, client: httpx.AsyncClient, *, api_url: str, base_url: str, api_token: str) -> None:
        self._client, self._api_url, self._base_url = client, api_url.rstrip("/"), base_url
        self._headers = {"Authorization": f"token {api_token}"}
        self._starts: dict[str, asyncio.Task[None]] = {}

    async def status(self, project_id: str) -> ProjectServer:
        """Tell where the server stands.

        Raises
        ------
        HubUnavailableError
            If the hub does not say.
        """
        answer = await self._request("GET", f"users/{project_id}/server", known=(200, 404))
        model: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        state = ProjectServerState.STARTING if project_id in self._starts else ProjectServerState.STOPPED
        if model.get("pending") == "stop":
            state = ProjectServerState.STOPPING
        elif model.get("pending"):
            state = ProjectServerState.STARTING
        elif model.get("ready"):
            state = ProjectServerState.RUNNING
        return ProjectServer(
            state=state,
            url=f"{self._base_url}user/{project_id}/lab",
            started_at=_instant(model.get("started")),
            last_activity_at=_instant(model.get("last_activity")),
        )

    async def start(self, project_id: str, visitor: str) -> ProjectServer:
        """Start the server if it does not run, and let `visitor` in. One that is stopping starts when it has stopped.

        Raises
        ------
        ServerStartError
            If it fails at once.
        HubUnavailableError
            If the hub does not answer.
        """
        await self._request("PUT", f"labyard/project-users/{project_id}")
        await self._request("POST", f"labyard/visitors/{project_id}", json={"user": visitor})
        state = (await self.status(project_id)).state
        if project_id not in self._starts and state in (ProjectServerState.STOPPED, ProjectServerState.STOPPING):
            start = self._starts[project_id] = asyncio.create_task(self._start(project_id))
            start.add_done_callback(lambda done: self._started(project_id, done))
            await asyncio.wait({start}, timeout=SETTLE_SECONDS)
            if start.done():
                await start
        return await self.status(project_id)

    async def stop(self, project_id: str) -> None:
        """Stop the server. Nothing happens if it does not run.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        # 400: it is not running.
        await self._request("DELETE", f"users/{project_id}/server", known=(202, 204, 400, 404), seconds=STOP_TIMEOUT_SECONDS)

    async def set_visitors(self, project_id: str, visitors: Collection[str]) -> None:
        """Let `visitors` open the server, and nobody else, where it has been started once: the hub within 5 s, the server itself, which asks for roles, within 5 s too.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        await self.set_tool_visitors(project_id, "", visitors)

    async def remove(self, project_id: str) -> None:
        """Stop the server and remove the user that owns it.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        await self._request("DELETE", f"labyard/project-users/{project_id}", known=(204, 404), seconds=STOP_TIMEOUT_SECONDS)

    async def limit_mounts(self, project_id: str, rights: Mapping[str, bool]) -> None:
        """Stop the pods that have more of a project than their owners may; `rights` says by name whether they may write.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer, or a pod does not end.
        """
        await self._request("PUT", f"labyard/project-mounts/{project_id}", json={"rights": dict(rights)}, seconds=STOP_TIMEOUT_SECONDS)

    async def allow_tool(self, owner: str, server: str, visitor: str) -> None:
        """Let `visitor` reach the server of `owner`, which itself lets them no further than to the tools shared with them.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        await self._request("POST", _visitors(owner, server), known=(204, 404), json={"user": visitor})

    async def set_tool_visitors(self, owner: str, server: str, visitors: Collection[str]) -> None:
        """Let only `visitors` reach the server of `owner`.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        await self._request("PUT", _visitors(owner, server), known=(204, 404), json={"users": sorted(visitors)})

    async def _start(self, project_id: str) -> None:
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                while (await self.status(project_id)).state is ProjectServerState.STOPPING:  # noqa: ASYNC110  # only the hub knows
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise ServerStartError("it does not stop") from None
        answer = await self._request("POST", f"users/{project_id}/server", known=range(200, 600), seconds=START_TIMEOUT_SECONDS)
        if answer.status_code >= 300:
            raise ServerStartError(_message(answer))

    def _started(self, project_id: str, start: asyncio.Task[None]) -> None:
        self._starts.pop(project_id, None)
        if not start.cancelled() and start.exception() is not None:
            _log.warning("a project's server could not be started", project=project_id, problem=str(start.exception()))

    async def _request(
        self, method: str, path: str, *, known: Collection[int] = (204,), seconds: float = TIMEOUT_SECONDS, json: Any = None
    ) -> httpx.Response:
        """Return the hub's answer, whose status is one of those that are `known`."""
        url = f"{self._api_url}/{path}"
        try:
            answer = await self._client.request(
                method, url, headers=self._headers, json=json, timeout=httpx.Timeout(seconds, connect=TIMEOUT_SECONDS)
            )
        except httpx.HTTPError:
            raise HubUnavailableError from None
        if answer.status_code not in known:
            _log.warning("the hub refused", method=method, path=path, status=answer.status_code, message=_message(answer))
            raise HubUnavailableError
        return answer


def _visitors(owner: str, server: str) -> str:
    path = f"labyard/visitors/{quote(owner, safe='')}"
    return f"{path}/{quote(server, safe='')}" if server else path


def _instant(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _message(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("message", "")).rstrip(".") if isinstance(body, dict) else ""
