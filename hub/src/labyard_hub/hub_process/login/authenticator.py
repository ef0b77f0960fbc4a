"""Signing in with the identity store.

Why not jupyterhub-nativeauthenticator is told in the documentation, in the explanation of signing in.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

from labyard.exceptions import LabyardError
from labyard_hub.hub_process.identity import AsyncIdentity
from labyard_hub.hub_process.login.platform_authenticator import PlatformAuthenticator
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.hub_process.pages.handlers import page_handlers
from labyard_hub.hub_process.project_users import is_project_user
from labyard_hub.storage.identity import IdentityStore, User
from labyard_hub.storage.identity_errors import UserUnknownError
from labyard_hub.storage.passwords import PasswordPolicy

__all__ = ["LabyardAuthenticator"]

REFRESH_SECONDS = 10
"""Longest time until a removed user is out and a changed role counts, in seconds."""

DEVICE_COOKIE = "labyard-device"
DEVICE_COOKIE_DAYS = 90


class LabyardAuthenticator(PlatformAuthenticator):
    """Asks the identity store, and nobody else, who may sign in and who administers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        policy = PasswordPolicy(self.settings.minimum_password_length)
        self.identity = AsyncIdentity(IdentityStore(self.state.identity_database, policy=policy))
        self._all_names: frozenset[str] | None = None
        # Whom the store knows may sign in; there is no second list.
        self.allow_all = True
        self.any_allow_config = True
        self.delete_invalid_users = True
        self.auth_refresh_age = REFRESH_SECONDS
        self.auth_refresh_strict = True
        self.refresh_pre_spawn = True

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:  # noqa: ARG002  # JupyterHub's signature
        """Return our pages and routes; JupyterHub asks these before its own, so they may stand in for them."""
        return [*page_handlers(), *self.common_handlers()]

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Return the user whose name and password the form holds, or None.

        Raises
        ------
        tornado.web.HTTPError
            429 after too many wrong ones, 503 when too many wait; both with ``Retry-After``.
        """
        name = self.normalize_username(data.get("username", "").strip())
        try:
            async with self.throttle.attempt(self._limits(handler, name)) as attempt:
                user = await self.identity.hashing(self.identity.store.verify, name, data.get("password", ""))
                attempt.succeeded = user is not None
        except LabyardError as error:
            raise http_error(error) from error
        if user is None:
            return None
        await self.signed_in(handler, user)
        return {"name": user.name, "admin": user.admin}

    async def invited(self, name: str) -> bool:
        """Whether there is an open invitation for `name`."""
        return any(link.name == name for link in await self.identity.call(self.identity.store.list_invitations))

    def _limits(self, handler: Any, name: str) -> list[tuple[str, int]]:
        """Return the buckets of an attempt to give `name`'s password."""
        limits = [(f"address {self.address_bucket(handler.request)}", self.settings.attempts_per_address)]
        if self.validate_username(name):  # of a name that nobody can have there is nothing to guess
            device = self._device(handler, name)
            limits.append((f"device {device}" if device else f"name {name}", self.settings.attempts_per_user))
        return limits

    def _device(self, handler: Any, name: str) -> str | None:
        """Return the mark of a browser in which `name` signed in before, or None."""
        value = handler.get_secure_cookie(DEVICE_COOKIE, max_age_days=DEVICE_COOKIE_DAYS)
        owner, _, mark = (value or b"").decode(errors="replace").partition(":")
        return mark if mark and owner == name else None

    async def signed_in(self, handler: Any, user: User) -> None:
        """Note a sign-in, and give the browser its mark and a session of its own."""
        try:
            await self.identity.call(self.identity.store.record_sign_in, user.name)
        except LabyardError as error:
            self.log.warning("could not note the sign-in of %s: %s", user.name, error)
        mark = self._device(handler, user.name) or secrets.token_urlsafe(16)
        options = {"secure": True} if handler.settings.get("cookie_options", {}).get("secure") else {}
        handler.set_secure_cookie(
            DEVICE_COOKIE,
            f"{user.name}:{mark}",
            expires_days=DEVICE_COOKIE_DAYS,
            path=handler.hub.base_url,
            httponly=True,
            samesite="Lax",
            **options,
        )
        # A session id that stood in the browser before the sign-in may be known to somebody else.
        handler.set_session_cookie()

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:  # noqa: ARG002  # JupyterHub's signature
        """Look a user up again: False ends their sessions and tokens, a dictionary changes their role."""
        if is_project_user(user):  # it has no session, and the labyard service removes it with its project
            return True
        try:
            found = await self.identity.call(self.identity.store.get_user, user.name)
        except LabyardError as error:
            # A full disk must not throw everybody out.
            self.log.error("could not look up %s, who stays signed in: %s", user.name, error)
            return True
        if found is None or found.name != user.name:
            return False
        return True if found.admin == user.admin else {"name": user.name, "admin": found.admin}

    async def add_user(self, user: Any) -> None:
        """Refuse users whom the store does not know: JupyterHub then drops them and their tokens, also when it starts."""
        if is_project_user(user):
            return
        if self._all_names is not None:
            known = user.name in self._all_names
        else:
            found = await self.identity.call(self.identity.store.get_user, user.name)
            # The store finds names in any case; the hub would take `Ada` for somebody beside `ada`.
            known = found is not None and found.name == user.name
        if not known:
            raise UserUnknownError(user.name)

    @contextlib.asynccontextmanager
    async def look_up_all(self) -> AsyncIterator[None]:
        """Answer `add_user` from one look at the store until the end of the block: a hub that starts asks about every user."""
        self._all_names = frozenset(user.name for user in await self.identity.call(self.identity.store.list_users))
        try:
            yield
        finally:
            self._all_names = None

    async def find_person(self, db: Any, name: str) -> User | None:  # noqa: ARG002  # others ask the hub's database
        """Return a user, of the store."""
        return await self.identity.call(self.identity.store.get_user, name)

    async def list_people(self, db: Any) -> list[User]:  # noqa: ARG002  # see above
        """Return all users, of the store."""
        return await self.identity.call(self.identity.store.list_users)

    async def refuse_removal(self, user: Any) -> None:
        """Make sure that a user is no administrator.

        Raises
        ------
        LastAdministratorError
            If nobody would be left to administer.
        """
        with contextlib.suppress(UserUnknownError):  # a second attempt
            await self.identity.call(self.identity.store.set_admin, user.name, False)

    async def forget(self, user: Any) -> None:
        """Take a user out of the store."""
        with contextlib.suppress(UserUnknownError):  # a second attempt
            await self.identity.call(self.identity.store.remove_user, user.name)
