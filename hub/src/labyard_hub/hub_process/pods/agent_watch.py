"""Notices on a cluster that the proxy's pod is a new one, which knows nobody's route yet: the hub itself looks at the routes once a minute."""

from __future__ import annotations

import secrets
from typing import Any

from jupyterhub.httpclient import fetch
from jupyterhub.proxy import ConfigurableHTTPProxy
from tornado.ioloop import PeriodicCallback

from labyard_hub.hub_process.scale.users import HubUsers

__all__ = ["WatchedHttpProxy"]

EVERY_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0


class WatchedHttpProxy(ConfigurableHTTPProxy):  # type: ignore[misc]  # it carries no types
    """The hub's side of the route agent, which is told everything as soon as it is another one."""

    def __init__(self, **kwargs: Any) -> None:
        self._agent: str | None = None
        """Which agent was told all routes; None before the first was."""
        self._watching: PeriodicCallback | None = None
        self._checked: tuple[Any, ...] = ()
        super().__init__(**kwargs)

    async def check_routes(self, user_dict: Any, *args: Any, **kwargs: Any) -> Any:
        """Check the routes as the hub does every minute, and from the first time on watch the agent."""
        if isinstance(user_dict, HubUsers):
            # The route of somebody whom the hub has not read yet would pass for stale.
            await user_dict.complete.wait()
        self._checked = (user_dict, *args[:1])
        if self._watching is None:
            self._watching = PeriodicCallback(self._watch, EVERY_SECONDS * 1e3)
            self._watching.start()
        # It is asked before: what it forgets in between it is told by the next look.
        agent = await self._ask()
        checked = await super().check_routes(user_dict, *args, **kwargs)
        self._agent = agent or secrets.token_hex(4)
        return checked

    def unwatch(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.stop()

    async def _watch(self) -> None:
        agent = await self._ask()
        if agent is None or self._agent is None or agent == self._agent:
            return
        self.log.warning("the proxy was started again; it is told all routes")
        try:
            await self.check_routes(*self._checked)
        except Exception:  # whatever it was, the next look tries it again
            self.log.exception("the proxy could not be told all routes")

    async def _ask(self) -> str | None:
        """Return which agent it is; None where it does not say."""
        try:
            answer = await fetch(f"{self.api_url}/health", timeout=TIMEOUT_SECONDS)
            return str((await answer.json())["agent"])
        except Exception:  # noqa: BLE001  # it is away, or in the middle of its start
            return None
