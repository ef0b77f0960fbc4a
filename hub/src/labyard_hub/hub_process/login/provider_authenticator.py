"""Signing in at an identity provider, with OAuthenticator: what ours adds to it, whichever the provider is.

It keeps what signing in with passwords keeps: one name is one person, a removed person's name that comes again is somebody else, and anyone who may no longer be
here is out after a set time. OAuthenticator itself (17.4) asks at a refresh neither whether somebody is still in an allowed group, nor tells a provider that is away
from one that refuses. The pages are in `pages.provider`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC
from typing import Any

from jupyterhub import orm
from oauthenticator.oauth2 import OAuthenticator
from tornado import web
from tornado.httpclient import HTTPClientError
from traitlets import Any as AnyTrait
from traitlets import Unicode

from labyard_hub.config.login import LoginSettings
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.provider_people import access_of, claim_at, hub_groups, user_name_of
from labyard_hub.exceptions import InvalidNameError
from labyard_hub.hub_process.login.platform_authenticator import PlatformAuthenticator
from labyard_hub.hub_process.login.provider_identities import bind, bound_user, identity_of, keep_name, keeper_of, key_of
from labyard_hub.hub_process.pages.handlers import provider_handlers
from labyard_hub.hub_process.project_users import is_project_user
from labyard_hub.hub_process.sign_in_errors import (
    LoginError,
    NameRefusedError,
    NameTakenError,
    NotLetInError,
    ProviderAwayError,
    ProviderErrorError,
)
from labyard_hub.storage.identity import User

__all__ = ["ProviderAuthenticator"]

CONNECT_TIMEOUT_SECONDS = 5
REQUEST_TIMEOUT_SECONDS = 10
EXPIRY_MARGIN_SECONDS = 10

UNCHANGED: dict[str, Any] = {}
"""Nothing new is known."""

JUST_NOW_SECONDS = 1.0
"""Two requests of one person that come together ask the provider once: a refresh token often works once."""


class ProviderAuthenticator(PlatformAuthenticator, OAuthenticator):  # type: ignore[misc]  # oauthenticator carries no types
    """What ours adds to OAuthenticator, whichever the provider is."""

    login = AnyTrait(config=True, help="The settings under `login`.")
    hub_url = Unicode(config=True, help="The hub's address in browsers.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        login: LoginSettings = self.login
        self.provider_title = login.title
        self.session_lifetime_seconds = login.session_lifetime_seconds or self.settings.session_lifetime_seconds
        self.client_id = login.client_id
        self.client_secret = login.client_secret.get_secret_value() if login.client_secret is not None else ""
        self.scope = list(login.scopes_in_force)
        self.username_claim = login.username_claim_in_force
        self.login_service = login.title
        self.oauth_callback_url = f"{self.hub_url}oauth_callback"
        self.http_request_kwargs = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "request_timeout": REQUEST_TIMEOUT_SECONDS}
        self.enable_pkce = True
        self.enable_auth_state = True
        self.manage_groups = True
        # Who may sign in is decided by `access_of`, from the settings alone: JupyterHub makes users of those in its own lists when it starts.
        self.allow_all = False
        self.any_allow_config = True
        self.delete_invalid_users = False
        self.auth_refresh_age = max(1, int(login.refresh_seconds))
        self.auth_refresh_strict = True
        self.refresh_pre_spawn = True
        self._refreshing: dict[str, asyncio.Lock] = {}
        self._refreshed_at: dict[str, float] = {}
        self._refused: dict[str, tuple[float, float]] = {}

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:  # noqa: ARG002  # JupyterHub's signature
        """Return our pages and routes; there are none for passwords and invitations."""
        return [*provider_handlers(), *self.common_handlers()]

    # What the provider says

    @property
    def issuer(self) -> str:
        """What keeps people of one provider apart from another's."""
        raise NotImplementedError

    @property
    def again_parameters(self) -> dict[str, str]:
        """What makes the provider ask who one is, although it knows."""
        return {"prompt": "select_account"}

    async def prepare(self) -> None:
        """Find out where the provider is asked.

        Raises
        ------
        ProviderAwayError
            If it does not tell.
        """

    def end_session_url(self, auth_state: dict[str, Any] | None) -> str | None:  # noqa: ARG002  # others need it
        """Return where signing out at the provider goes on; None where that is not wanted, or not possible."""
        return None

    def subject(self, user_info: dict[str, Any]) -> str:
        """Return what the provider never calls somebody else."""
        raise NotImplementedError

    def groups_of(self, auth_model: dict[str, Any]) -> frozenset[str]:
        """Return the provider's groups of somebody."""
        raise NotImplementedError

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:  # noqa: ARG002  # OAuthenticator's signature
        """Return none: groups come with the rest, in `_completed`."""
        return set()

    def user_info_to_username(self, user_info: dict[str, Any]) -> str:
        """Return what the provider calls somebody; a user name is made of it later."""
        claim = claim_at(user_info, self.login.username_claim_in_force)
        return str(claim) if claim else ""

    # Signing in

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Return who came back from the provider.

        Raises
        ------
        LoginError
            If they are not let in.
        """
        await self.prepare()
        try:
            model: dict[str, Any] = await super().authenticate(handler, data, **kwargs)
        except HTTPClientError as error:
            raise self._problem(error) from error
        except (web.HTTPError, ValueError, KeyError, TypeError) as error:
            self.log.error("a sign-in at %s failed: %s", self.login.title, error)
            raise ProviderErrorError(self.login.title, "it did not say who you are") from error
        except OSError as error:
            self.log.error("%s does not answer: %s", self.login.title, error)
            raise ProviderAwayError from error
        user_info = model["auth_state"][self.user_auth_state_key]
        claim = self.user_info_to_username(user_info)
        key = key_of(self.issuer, self.subject(user_info))
        try:
            name = self._name(handler.db, key, claim)
        except LoginError:
            # Who is here is nothing for somebody whom no name would let in.
            if not self.may_enter(user_info) or not access_of(self.login, "", self.groups_of(model)).allowed:
                raise NotLetInError(claim, self.login.title) from None
            raise
        model = self._completed(model, name)
        if not self.may_enter(user_info) or not model.pop("allowed") or name in self.blocked_users:
            self.log.warning("%s of %s (%s) is not among those who may sign in", claim, self.login.title, name)
            raise NotLetInError(claim, self.login.title)
        model["auth_state"].update(signed_in_at=time.time(), key=key)
        # Here, and not when JupyterHub makes the user: nothing else has run since the name was looked for.
        user = handler.user_from_username(name)
        bind(handler.db, key, user.orm_user, issuer=self.issuer, claim=claim)
        return model

    def check_allowed(self, username: str, auth_model: Any) -> bool:  # noqa: ARG002  # JupyterHub's signature
        """Return True: `authenticate` has decided, and said why."""
        return True

    def may_enter(self, user_info: dict[str, Any]) -> bool:  # noqa: ARG002  # others need it
        """Whether somebody may sign in if the lists let them."""
        return True

    def _problem(self, error: HTTPClientError) -> ProviderAwayError | ProviderErrorError:
        if error.code >= 500:  # 599: no answer at all
            return ProviderAwayError()
        return ProviderErrorError(self.login.title, f"status {error.code}")

    def _name(self, db: Any, key: str, claim: str) -> str:
        """Return the user name of a person: the one that they have had, else a new one that nobody has.

        Raises
        ------
        NameRefusedError
            If nobody can be called so.
        NameTakenError
            If somebody is.
        """
        known = bound_user(db, key)
        if known is not None:
            return str(known.name)
        try:
            name = user_name_of(claim, self.login.user_names)
        except InvalidNameError as error:
            raise NameRefusedError(claim[:80], self.login.title, error.message.partition(": choose")[0]) from error
        if keeper_of(db, name) not in (None, key):  # a removed person can be restored under it
            self.log.warning("%s of %s would be %s, as somebody was who is removed", claim, self.login.title, name)
            raise NameTakenError(claim[:80], self.login.title, name)
        other = orm.User.find(db, name)
        if other is not None and not self._is_to_be_adopted(db, other):
            self.log.warning("%s of %s would be %s, which is another user", claim, self.login.title, name)
            raise NameTakenError(claim[:80], self.login.title, name)
        return name

    def _is_to_be_adopted(self, db: Any, user: Any) -> bool:
        """Whether a user is from before: of the time of passwords, or of another provider."""
        identity = identity_of(db, user)
        return bool(self.login.adopt_existing_users and (identity is None or identity.issuer != self.issuer))

    def _completed(self, model: dict[str, Any], name: str) -> dict[str, Any]:
        """Return `model` with name, groups and rights; `allowed` says whether they may be here."""
        groups = self.groups_of(model)
        access = access_of(self.login, name, groups)
        return {**model, "name": name, "groups": hub_groups(groups), "admin": access.admin, "allowed": access.allowed}

    async def forget(self, user: Any) -> None:
        """Note whose name it was."""
        keep_name(user.db, user)

    # Being here

    async def add_user(self, user: Any) -> None:
        """Take every user whom the hub's database has; whether they may be here is asked when they come."""

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> bool | dict[str, Any]:  # noqa: ARG002
        """Ask the provider about somebody: False ends their sessions and tokens, a dictionary changes groups and role."""
        if is_project_user(user):  # it has no session, and the labyard service removes it with its project
            return True
        async with self._refreshing.setdefault(user.name, asyncio.Lock()):
            if time.monotonic() - self._refreshed_at.get(user.name, float("-inf")) < JUST_NOW_SECONDS:
                return True
            auth_state = await user.get_auth_state()
            if not auth_state or identity_of(user.db, user) is None or self._was_refused(user.name, auth_state):
                return False
            return await self._refreshed(user, auth_state)

    def _was_refused(self, name: str, auth_state: dict[str, Any]) -> bool:
        """Whether the provider said no to this very sign-in a short while ago: an open tab would ask it again and again."""
        signed_in_at, refused_at = self._refused.get(name, (0.0, float("-inf")))
        return signed_in_at == auth_state.get("signed_in_at") and time.monotonic() - refused_at < self.auth_refresh_age

    async def _refreshed(self, user: Any, auth_state: dict[str, Any]) -> bool | dict[str, Any]:
        try:
            answer = await self._asked_again(auth_state)
        except (HTTPClientError, OSError, ProviderAwayError) as error:
            # A provider that is away must not throw everybody out.
            self.log.error("%s could not be asked about %s, who stays signed in: %s", self.login.title, user.name, error)
            answer = UNCHANGED
        if answer is UNCHANGED:
            return self._within_lifetime(auth_state)
        model = self._still_here(user.name, answer, auth_state)
        if model is None:
            self._refused[user.name] = auth_state.get("signed_in_at", 0.0), time.monotonic()
            return False
        await user.save_auth_state(model["auth_state"])  # before anybody else asks: the old refresh token is used up
        self._refreshed_at[user.name] = time.monotonic()
        return model

    def _still_here(self, name: str, answer: dict[str, Any] | None, before: dict[str, Any]) -> dict[str, Any] | None:
        """Return what is new about somebody; None if they may not be here any more."""
        if answer is None:
            self.log.warning("%s says that %s is not to be here any more, or has to sign in again", self.login.title, name)
            return None
        user_info = answer["auth_state"][self.user_auth_state_key]
        model = self._completed(answer, name)
        is_same = before.get("key") == key_of(self.issuer, self.subject(user_info))
        if not is_same or not model.pop("allowed") or not self.may_enter(user_info) or name in self.blocked_users:
            self.log.warning("%s may not be here any more", name)
            return None
        model["auth_state"].update(signed_in_at=before["signed_in_at"], key=before["key"])
        return model

    def _within_lifetime(self, auth_state: dict[str, Any]) -> bool:
        """Whether a sign-in still counts of which nothing newer is known."""
        return bool(time.time() - float(auth_state.get("signed_in_at", 0)) < self.session_lifetime_seconds)

    async def _asked_again(self, auth_state: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the provider says now; None if it refuses, UNCHANGED if it cannot be asked without the person.

        Raises
        ------
        tornado.httpclient.HTTPClientError, OSError, ProviderAwayError
            If it does not answer.
        """
        await self.prepare()
        refresh_token = auth_state.get("refresh_token")
        expired = time.time() > float(auth_state.get("access_expires_at") or float("inf")) - EXPIRY_MARGIN_SECONDS
        try:
            if not (expired or (refresh_token and self.needs_new_tokens(auth_state))):
                answer = await self._unless_refused(self._model_of(auth_state["token_response"], auth_state))
                if answer is not None:
                    return answer
            if refresh_token:
                return await self._unless_refused(self._renewed(refresh_token, auth_state))
        except (web.HTTPError, ValueError, KeyError, TypeError) as error:
            self.log.error("%s answered with what cannot be used: %s", self.login.title, error)
            return None
        return UNCHANGED if expired else None

    async def _unless_refused(self, asking: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
        """Return what is asked for; None if the provider says no, which being asked too often (429) is not."""
        try:
            return await asking
        except HTTPClientError as error:
            if not 400 <= error.code < 500 or error.code == 429:
                raise
            return None

    async def _renewed(self, refresh_token: str, before: dict[str, Any]) -> dict[str, Any]:
        token_info = await self.get_token_info(None, self.build_refresh_token_request_params(refresh_token))
        token_info.setdefault("refresh_token", refresh_token)
        return await self._model_of(token_info, before)

    def needs_new_tokens(self, auth_state: dict[str, Any]) -> bool:  # noqa: ARG002  # others need it
        """Whether the provider repeats what it said at the sign-in only with new tokens."""
        return False

    async def _model_of(self, token_info: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002  # others need it
        model: dict[str, Any] = await self._token_to_auth_model(token_info)
        return model

    def build_auth_state_dict(self, token_info: dict[str, Any], user_info: dict[str, Any]) -> dict[str, Any]:
        """Add to OAuthenticator's when the access token ends."""
        state: dict[str, Any] = super().build_auth_state_dict(token_info, user_info)
        if "labyard_expires_at" not in token_info:  # an answer that is asked with again is as old as it was
            lifetime = token_info.get("expires_in")
            token_info["labyard_expires_at"] = time.time() + float(lifetime) if lifetime else None
        state["access_expires_at"] = token_info["labyard_expires_at"]
        return state

    # Who there is

    async def find_person(self, db: Any, name: str) -> User | None:
        """Return a user of the hub."""
        found = orm.User.find(db, name)
        return None if found is None or is_project_id(found.name) else _person(found)

    async def list_people(self, db: Any) -> list[User]:
        """Return the users of the hub."""
        return [_person(user) for user in db.query(orm.User).order_by(orm.User.name) if not is_project_id(user.name)]


def _person(user: Any) -> User:
    return User(user.name, bool(user.admin), user.created.replace(tzinfo=UTC), True, None, None)
