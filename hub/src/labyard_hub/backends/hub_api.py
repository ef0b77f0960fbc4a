"""Asks the hub who a token belongs to."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from labyard_hub.backends.hub_answers import body_of
from labyard_hub.exceptions import HubUnavailableError, SignInFailedError

__all__ = ["Hub", "HubUser", "IssuedToken", "new_verifier"]

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class HubUser:
    """The owner of a token.

    Attributes
    ----------
    name
        Name of the user, or of the service.
    is_user
        False for a service.
    admin
        Whether the hub calls them an administrator.
    groups
        Names, sorted.
    scopes
        What the token may do.
    """

    name: str
    is_user: bool
    admin: bool
    groups: tuple[str, ...]
    scopes: frozenset[str]


@dataclass(frozen=True)
class IssuedToken:
    """A token that the hub made for a browser's user.

    Attributes
    ----------
    lifetime_seconds
        How long it works.
    """

    token: str = field(repr=False)
    lifetime_seconds: int


def new_verifier() -> str:
    """Return a secret that proves, when a code comes back, that we asked for it (RFC 7636)."""
    return secrets.token_urlsafe(48)


class Hub:
    """The hub's REST API and its OAuth endpoints.

    Parameters
    ----------
    client
        Connections; the caller closes them.
    api_url
        The REST API, for this process.
    base_url
        The hub's URL path, for browsers, with a trailing slash.
    client_id, api_token
        What the hub knows this service by.
    redirect_path
        Where the hub sends a browser back to.
    on_known
        Awaited whenever the hub has said whom a token belongs to, before anybody is told.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        api_url: str,
        base_url: str,
        client_id: str,
        api_token: str,
        redirect_path: str,
        on_known: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._client = client
        self._api_url = api_url.rstrip("/")
        self._base_url = base_url
        self._client_id = client_id
        self._api_token = api_token
        self._redirect_path = redirect_path
        self._on_known = on_known

    async def user_for_token(self, token: str) -> HubUser | None:
        """Return whom `token` belongs to; None if it is not valid.

        Raises
        ------
        HubUnavailableError
            If the hub does not say.
        """
        answer = await self._request("GET", "/user", headers={"Authorization": f"token {token}"})
        if answer.status_code in (401, 403, 404):
            return None
        model = _body(answer)
        if self._on_known is not None:
            await self._on_known()
        return HubUser(
            name=str(model["name"]),
            is_user=model.get("kind") == "user",
            admin=bool(model.get("admin")),
            groups=tuple(sorted(str(group) for group in model.get("groups") or ())),
            scopes=frozenset(str(scope) for scope in model.get("scopes") or ()),
        )

    def as_client(self, *, client_id: str, api_token: str, redirect_path: str) -> Hub:
        """Return the same hub, as another OAuth client."""
        return Hub(
            self._client,
            api_url=self._api_url,
            base_url=self._base_url,
            client_id=client_id,
            api_token=api_token,
            redirect_path=redirect_path,
            on_known=self._on_known,
        )

    def authorize_url(self, state: str, verifier: str, *, host: str | None = None) -> str:
        """Return the URL path that starts a sign-in.

        Parameters
        ----------
        host
            For the hub's page that asks about a command line: where it says that it runs.
        """
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": self._client_id,
            "redirect_uri": self._redirect_path,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **({"host": host} if host is not None else {}),
        }
        return f"{self._base_url}hub/api/oauth2/authorize?{urlencode(query)}"

    async def token_for_code(self, code: str, verifier: str) -> str:
        """Return the token that `code` stands for; the errors are those of `issue_token`."""
        return (await self.issue_token(code, verifier)).token

    async def issue_token(self, code: str, verifier: str) -> IssuedToken:
        """Return the token that `code` stands for.

        Raises
        ------
        SignInFailedError
            If the hub does not accept the code.
        HubUnavailableError
            If it does not answer.
        """
        form = {
            "client_id": self._client_id,
            "client_secret": self._api_token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_path,
            "code_verifier": verifier,
        }
        answer = await self._request("POST", "/oauth2/token", data=form)
        if 400 <= answer.status_code < 500:
            raise SignInFailedError("the hub did not accept the code, which works once and for a few minutes")
        body = _body(answer)
        return IssuedToken(str(body["access_token"]), int(body.get("expires_in", 0)))

    async def end_login(self, token: str) -> bool:
        """End a token that a login of the command line made; False if something else made it.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        answer = await self._request("DELETE", "/labyard/login-token", headers={"Authorization": f"token {token}"})
        if answer.status_code == 409:
            return False
        if answer.status_code not in (204, 403):  # 403: it is over already
            raise HubUnavailableError
        return True

    async def _request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            return await self._client.request(method, f"{self._api_url}{path}", timeout=TIMEOUT_SECONDS, **kwargs)
        except httpx.HTTPError:
            raise HubUnavailableError from None


def _body(answer: httpx.Response) -> dict[str, Any]:
    body = body_of(answer)
    if not {"name", "access_token"} & body.keys():
        raise HubUnavailableError
    return body
