"""Where a server tells the hub that it answers.

JupyterHub asks a starting server ever more rarely, so that it notices readiness up to seconds late. Our servers tell it, and `Spawner.start` goes on at once; the hub then asks by HTTP
as always, and gets its answer at the first try. A server that tells nothing, of an image without our extension for example, is asked as before.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from tornado import web

__all__ = ["ReadyHandler", "readiness_handlers"]

MAX_REASON = 500
"""Characters of the reason of a safe start that are kept."""


def readiness_handlers() -> list[tuple[Any, ...]]:
    """Return the routes, below the hub's prefix."""
    return [(r"/api/labyard/ready/([^/]+)", ReadyHandler), (r"/api/labyard/ready/([^/]+)/([^/]+)", ReadyHandler)]


class ReadyHandler(APIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """One server that answers. It takes the scope by which servers tell of their activity, so each can speak for its own user only."""

    @needs_scope("users:activity")  # type: ignore[untyped-decorator]
    def post(self, user_name: str, server_name: str = "") -> None:
        """Wake up all that wait for this server. Telling it twice, or when nobody waits, does nothing."""
        user = self.find_user(user_name)
        if user is None or server_name not in user.spawners:
            raise web.HTTPError(404, "there is no such server")
        spawner = user.spawners[server_name]
        reason = (self.get_json_body() or {}).get("safe_start", "")
        spawner.safe_start_reason = reason[:MAX_REASON] if isinstance(reason, str) else ""
        told_ready = getattr(spawner, "told_ready", None)
        if told_ready is not None:
            told_ready.set()
        self.set_status(204)
