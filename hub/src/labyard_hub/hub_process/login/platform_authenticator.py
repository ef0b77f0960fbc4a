"""What every way of signing in has in common: names, our pages, and how a user is removed."""

from __future__ import annotations

import asyncio
import hmac
from functools import cached_property
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado import web
from traitlets import Dict, Unicode

from labyard.exceptions import LabyardError
from labyard_hub.config.proxy_word import PROXY_HEADER, proxy_word
from labyard_hub.config.settings import SignInSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.names import check_user_name
from labyard_hub.domain.projects import is_project_id
from labyard_hub.exceptions import InvalidNameError
from labyard_hub.hub_process.login.generations import generation_handlers
from labyard_hub.hub_process.login.throttle import Throttle, address_key
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.hub_process.project_mounts import mount_handlers
from labyard_hub.hub_process.project_users import project_handlers
from labyard_hub.hub_process.starting.last_start import cancel_start
from labyard_hub.hub_process.starting.readiness import readiness_handlers
from labyard_hub.storage.identity import User

__all__ = ["PlatformAuthenticator"]

STOP_TIMEOUT_SECONDS = 60


class PlatformAuthenticator(Authenticator):  # type: ignore[misc]  # jupyterhub carries no types
    """Decides nothing about who may sign in: its subclasses do."""

    state_dir = Unicode(config=True, help="The state folder.")
    sign_in = Dict(config=True, help="The settings under `sign_in`.")
    provider_title: str | None = None
    """Where people come from, for pages; None where Labyard keeps their names itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = SignInSettings(**self.sign_in)
        self.state = StateFolder(Path(self.state_dir))
        self.throttle = Throttle(self.settings.attempts_window_seconds)
        self._removing: set[str] = set()

    @cached_property
    def _proxy_word(self) -> str:
        return proxy_word(self.state.secret("proxy_api_password"))

    def address_bucket(self, request: Any) -> str:
        """Return what the sender of a request counts as: by what the proxy says, or by the connection's own address where the proxy did not send it."""
        if hmac.compare_digest(request.headers.get(PROXY_HEADER, "").encode(), self._proxy_word.encode()):
            return address_key(request.remote_ip)
        match request.connection.context.address:
            case (str(address), *_):
                return address_key(address)
        return address_key(None)

    def common_handlers(self) -> list[tuple[Any, ...]]:
        """Return the routes that have nothing to do with how people sign in."""
        return [*project_handlers(), *mount_handlers(), *readiness_handlers(), *generation_handlers()]

    def normalize_username(self, username: str) -> str:
        """Return the name in small letters. Only ASCII has them here: the Kelvin sign does not become a k."""
        return str(username).lower() if username.isascii() else username

    def validate_username(self, username: str) -> bool:
        """Whether somebody may be called so."""
        try:
            check_user_name(username)
        except InvalidNameError:
            return False
        return True

    async def find_person(self, db: Any, name: str) -> User | None:
        """Return the user called `name`, or None; `db` is a session of the hub's database."""
        raise NotImplementedError

    async def list_people(self, db: Any) -> list[User]:
        """Return all users, by name."""
        raise NotImplementedError

    async def refuse_removal(self, user: Any) -> None:
        """Raise an error if a user may not be removed; otherwise nothing refuses it later."""

    async def forget(self, user: Any) -> None:
        """Take a user of the hub, of whom nothing else is left, out of where names are kept."""

    async def invited(self, name: str) -> bool:  # noqa: ARG002  # a provider lets people in itself
        """Whether there is an open invitation for `name`."""
        return False

    async def delete_user(self, user: Any) -> None:
        """Remove a user everywhere: servers, home and Unix account, then from where names are kept. JupyterHub does its own part after.

        The name is the last to go. A removal that is killed half way leaves the user there, to be removed again, and nothing for the next one of that name.

        Raises
        ------
        tornado.web.HTTPError
            409 for the last administrator, or while another request removes the user; 500 if something cannot be removed, which may be tried again.
        """
        if user.name in self._removing:
            raise web.HTTPError(409, f"{user.name} is being removed already. Look again in a minute.")
        self._removing.add(user.name)
        try:
            if is_project_id(user.name):
                await self._stop_servers(user)
                return
            await self.refuse_removal(user)
            await self._stop_servers(user)
            await user.spawner.retire()
            await self.forget(user)
            await self._stop_servers(user)  # they could start one until now
            if await user.spawner.has_home():
                await user.spawner.retire()
        except LabyardError as error:
            raise http_error(error) from error
        finally:
            self._removing.discard(user.name)

    async def _stop_servers(self, user: Any) -> None:
        for name, spawner in list(user.spawners.items()):
            await cancel_start(spawner)
            if spawner.active:
                try:
                    await user.settings["proxy"].delete_user(user, name)
                    await asyncio.wait_for(user.stop(name), STOP_TIMEOUT_SECONDS)
                except TimeoutError:
                    raise web.HTTPError(500, "the server of %s does not stop; try again", user.name) from None
