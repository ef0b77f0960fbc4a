"""Takes a project out of running pods: a mount lasts as long as its pod, so a pod that has more of a project than its owner may is stopped.

On one machine this finds nothing to do: access lists act on running processes there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from labyard_hub.backends.kubernetes.volumes import more_than
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.scopes import PROJECTS_SCOPE
from labyard_hub.hub_process.starting.last_start import cancel_start

__all__ = ["Changes", "MountsHandler", "changes", "mount_handlers"]

STOP_TIMEOUT_SECONDS = 50
"""The labyard service waits a minute for the answer."""
GRACE_SECONDS = 1
"""A pod that must not have a folder any more is given no half minute to end."""


@dataclass
class Changes:
    """How often anything about memberships has changed since the hub started."""

    count: int = 0


changes = Changes()


def mount_handlers() -> list[tuple[Any, ...]]:
    """Return the routes, below the hub's prefix."""
    return [(r"/api/labyard/project-mounts/([^/]+)", MountsHandler)]


class MountsHandler(APIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """The pods that have a project."""

    async def put(self, project_id: str) -> None:
        """Stop those that have more of it than their owners may: ``{"rights": {NAME: whether they may write}}``; users who are not named may do nothing."""
        if not self.current_user or not self.has_scope(PROJECTS_SCOPE):
            raise web.HTTPError(403, "this is for the labyard service alone")
        rights = (self.get_json_body() or {}).get("rights")
        if not is_project_id(project_id) or not isinstance(rights, dict) or not all(isinstance(one, bool) for one in rights.values()):
            raise web.HTTPError(400, "say who may write and who may read, by name")
        complete = getattr(self.users, "complete", None)
        if complete is not None:
            await complete.wait()  # a hub that has just started does not know yet which pods run
        self._note_more(project_id, rights)
        # A start that is asking for its owner's projects at this moment asks again.
        changes.count += 1
        ended = await asyncio.gather(
            *(self._end(user, name, spawner, project_id) for user, name, spawner in list(self._too_much(project_id, rights))),
            return_exceptions=True,
        )
        failed = [one for one in ended if isinstance(one, BaseException)]
        if failed:
            self.log.error("a pod keeps the project %s, which its owner left: %r", project_id, failed[0])
            raise web.HTTPError(503, "a server that must end does not")
        self.set_status(204)

    def _note_more(self, project_id: str, rights: Mapping[str, bool]) -> None:
        """Mark the pods whose owners may do more than they could when it started, which the home page says."""
        for user in list(self.users.values()):
            for spawner in list(user.spawners.values()):
                if user.name in rights and spawner.active and (mounts := getattr(spawner, "mounted", None)) is not None:
                    mounted = {one.project_id: one.writable for one in mounts}
                    spawner.behind = spawner.behind or mounted.get(project_id) not in (True, rights[user.name])

    def _too_much(self, project_id: str, rights: Mapping[str, bool]) -> Iterator[tuple[Any, str, Any]]:
        for user in list(self.users.values()):
            for name, spawner in list(user.spawners.items()):
                mounted = {one.project_id: one.writable for one in getattr(spawner, "mounted", ())}
                if spawner.active and more_than(mounted, project_id, rights.get(user.name)):
                    yield user, name, spawner

    async def _end(self, user: Any, name: str, spawner: Any, project_id: str) -> None:
        project = next(one.name for one in spawner.mounted if one.project_id == project_id)
        self.log.info("stopping %s, which has more of the project %s than its owner may", spawner._log_name, project_id)  # noqa: SLF001
        spawner.ended = (
            f"It was stopped because your role in the project “{project}” has changed. Start it again to go on; your files are safe."
        )
        spawner.delete_grace_period = GRACE_SECONDS
        await cancel_start(spawner)
        await user.settings["proxy"].delete_user(user, name)
        if spawner.active:
            await asyncio.wait_for(user.stop(name), STOP_TIMEOUT_SECONDS)
