"""What an administrator must not do in another's place, though JupyterHub's administrator role contains it and cannot be narrowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub.apihandlers.users import UserAPIHandler, UserTokenListAPIHandler
from jupyterhub.user import User
from tornado import web

__all__ = ["UserHandler", "UserTokensHandler"]


class UserTokensHandler(UserTokenListAPIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Makes tokens of the person alone who asks. They open servers, projects and MLflow."""

    def get_scope_filter(self, req_scope: str) -> Callable[[Any, str], bool]:
        """Return JupyterHub's filter; where a person makes a token, of their own."""
        allowed: Callable[[Any, str], bool] = super().get_scope_filter(req_scope)
        caller = self.current_user
        if self.request.method != "POST" or not isinstance(caller, User):
            return allowed
        return lambda resource, kind: resource.name == caller.name and allowed(resource, kind)


class UserHandler(UserAPIHandler):  # type: ignore[misc]  # jupyterhub carries no types
    """Changes no name: anyone who gets the name of another gets home, projects and runs with it."""

    async def patch(self, user_name: str) -> None:
        """Change a user."""
        body = self.get_json_body()
        if isinstance(body, dict) and body.get("name", user_name) != user_name:
            raise web.HTTPError(
                400, "A user's name cannot be changed: home, projects and runs belong to it. Invite a user of the new name."
            )
        await super().patch(user_name)
