"""What the labyard service may do inside the hub beyond JupyterHub's own API: make the users that own projects' servers, and say who may visit a server.

JupyterHub has scopes for both, and they are too wide: ``admin:users`` makes and removes anybody, and ``shares`` lets its holder into every server.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.scopes import PROJECT_GROUP, PROJECTS_SCOPE

__all__ = ["ProjectUserHandler", "VisitorsHandler", "is_project_user", "project_handlers"]

MAX_VISITORS = 10_000
PROJECT_VISIT = ("access:servers", "read:servers")
"""What a member may do with a project's server as far as the hub knows; the second for the page that shows how a start gets on."""


def is_project_user(user: Any) -> bool:
    """Whether `user`, of the hub's database, was made to own a project's server. The name alone does not say so."""
    return is_project_id(user.name) and any(group.name == PROJECT_GROUP for group in user.groups)


def project_handlers() -> list[tuple[Any, ...]]:
    """Return the routes, below the hub's prefix."""
    return [
        (r"/api/labyard/project-users/([^/]+)", ProjectUserHandler),
        (r"/api/labyard/visitors/([^/]+)", VisitorsHandler),
        (r"/api/labyard/visitors/([^/]+)/([^/]+)", VisitorsHandler),
    ]


class _Handler(APIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    def _check_caller(self) -> None:
        """Refuse everybody who was not given the scope: all but the labyard service."""
        if not self.current_user or not self.has_scope(PROJECTS_SCOPE):
            raise web.HTTPError(403, "this is for the labyard service alone")


class ProjectUserHandler(_Handler):
    """The hub user that owns one project's server."""

    def put(self, name: str) -> None:
        """Make it where it is missing, in the group that says what it is."""
        self._check_caller()
        if not is_project_id(name):
            raise web.HTTPError(400, "that is no identifier of a project")
        user = self.user_from_username(name).orm_user
        group = orm.Group.find(self.db, PROJECT_GROUP)
        if group is None:
            group = orm.Group(name=PROJECT_GROUP)
            self.db.add(group)
        if user not in group.users:
            group.users.append(user)
        self.db.commit()
        self.set_status(204)

    async def delete(self, name: str) -> None:
        """Stop its servers and remove it. The project's files are not touched."""
        self._check_caller()
        user = self.find_user(name) if is_project_id(name) else None
        if user is None:
            raise web.HTTPError(404)
        await self.authenticator.delete_user(user)
        await user.delete_spawners()
        self.users.delete(user)
        self.set_status(204)


class VisitorsHandler(_Handler):
    """Who may visit one server beside its owner."""

    def post(self, owner: str, server: str = "") -> None:
        """Let one more in: ``{"user": NAME}``."""
        self._check_caller()
        spawner = self._spawner(owner, server)
        name = (self.get_json_body() or {}).get("user")
        visitor = orm.User.find(self.db, name) if isinstance(name, str) else None
        if visitor is None or visitor is spawner.user or is_project_id(visitor.name):
            raise web.HTTPError(400, "that is nobody who can visit this server")
        orm.Share.grant(self.db, spawner, visitor, scopes=PROJECT_VISIT if is_project_id(owner) else ["access:servers"])
        self.set_status(204)

    async def put(self, owner: str, server: str = "") -> None:
        """Let nobody else in: ``{"users": [NAME, ...]}``. To a project's server all of them come; to a person's, those who were let in before."""
        self._check_caller()
        names = (self.get_json_body() or {}).get("users")
        if not isinstance(names, list) or len(names) > MAX_VISITORS or not all(isinstance(name, str) for name in names):
            raise web.HTTPError(400, "say who may stay, as a list of names")
        spawner = self._spawner(owner, server)
        self._keep(spawner, names)
        if is_project_id(owner):
            await self._add(spawner, names)
        self.set_status(204)

    async def _add(self, spawner: Any, names: Iterable[str]) -> None:
        """Let members in who were not yet, also those who have never signed in: their first request may be a program's."""
        present = {share.user.name for share in spawner.shares if share.user is not None}
        for name in set(names) - present:
            if is_project_id(name) or await self.authenticator.find_person(self.db, name) is None:
                continue
            orm.Share.grant(self.db, spawner, self.user_from_username(name).orm_user, scopes=PROJECT_VISIT)

    def _keep(self, spawner: Any, names: Iterable[str]) -> None:
        kept = set(names)
        for share in list(spawner.shares):
            if share.user is None or share.user.name not in kept:
                self.db.delete(share)
        self.db.commit()

    def _spawner(self, owner: str, server: str) -> Any:
        user = self.find_user(owner)
        if user is None or (server and server not in user.orm_spawners):
            raise web.HTTPError(404)
        return user.spawners[server].orm_spawner
