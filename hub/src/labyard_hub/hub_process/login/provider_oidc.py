"""Providers that speak OpenID Connect."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import jwt
from oauthenticator.generic import GenericOAuthenticator
from tornado.httputil import url_concat

from labyard_hub.domain.provider_people import claim_at, groups_in
from labyard_hub.hub_process.login.discovery import Discovery
from labyard_hub.hub_process.login.provider_authenticator import ProviderAuthenticator

__all__ = ["OIDCAuthenticator"]

CLOCK_SKEW_SECONDS = 120
"""By how much our clock and the provider's may differ."""


class OIDCAuthenticator(ProviderAuthenticator, GenericOAuthenticator):  # type: ignore[misc]  # see above
    """Any provider that speaks OpenID Connect, GitLab and Google among them."""

    user_auth_state_key = "oauth_user"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.discovery = Discovery(self.login.issuer_in_force, self._read, self.log)
        self._end_session: str | None = None
        self._token_issuer = self.issuer

    @property
    def issuer(self) -> str:
        """The issuer's URL."""
        return str(self.login.issuer_in_force).rstrip("/")

    @property
    def again_parameters(self) -> dict[str, str]:
        """What OpenID Connect has for it; Google has only the other."""
        return {"prompt": "select_account" if self.login.provider == "google" else "login"}

    async def _read(self, url: str) -> bytes:
        answer = await self.httpfetch(url, "reading the discovery document", parse_json=False, headers={"Accept": "application/json"})
        return bytes(answer.body)

    async def prepare(self) -> None:
        """Take the endpoints from the discovery document."""
        endpoints = await self.discovery.endpoints()
        self.authorize_url, self.token_url, self.userdata_url = endpoints.authorize, endpoints.token, endpoints.userinfo
        method = self.login.client_authentication
        self.basic_auth = endpoints.basic if method is None else method == "basic"
        self._end_session = endpoints.end_session
        self._token_issuer = endpoints.issuer

    def subject(self, user_info: dict[str, Any]) -> str:
        """Return the claim `sub`."""
        return str(user_info["sub"])

    def claims_of(self, token_info: dict[str, Any], nonce: str | None = None) -> dict[str, Any] | None:
        """Return what an answer's ID token says; None where there is none.

        As in OAuthenticator its signature is not looked at: it came from the provider itself, over TLS (OpenID Connect Core 1.0, 3.1.3.7, item 6).

        Raises
        ------
        ValueError
            If it is another's, for another, too old, or not the answer to our question.
        """
        token = token_info.get("id_token")
        if token is None:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                audience=self.client_id,
                issuer=self._token_issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={
                    "verify_signature": False,
                    "verify_aud": True,
                    "verify_exp": True,
                    "verify_iss": True,
                    "require": ["sub", "exp", "iss", "aud"],
                },
            )
        except jwt.PyJWTError as error:
            raise ValueError(f"the ID token cannot be used: {error}") from error
        if nonce is not None and claims.get("nonce") != nonce:
            raise ValueError("the ID token does not answer this sign-in")
        return claims

    def build_token_info_request_headers(self) -> dict[str, str]:
        """Return the headers of a request for tokens; name and secret are form-encoded in them (RFC 6749, 2.3.1), which OAuthenticator (17.4) does not do."""
        headers: dict[str, str] = super().build_token_info_request_headers()
        if self.basic_auth:
            pair = f"{quote_plus(str(self.client_id))}:{quote_plus(self.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return headers

    async def get_token_info(self, handler: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Return the provider's tokens for a code, once the ID token is looked at; or for a refresh token."""
        token_info: dict[str, Any] = await super().get_token_info(handler, params)
        if params.get("grant_type") == "authorization_code" and self.claims_of(token_info, handler.nonce()) is None:
            raise ValueError("no ID token came; the scope `openid` must be among `login.scopes`")
        return token_info

    async def token_to_user(self, token_info: dict[str, Any]) -> dict[str, Any]:
        """Return the claims of the ID token with those of the user information endpoint over them; some providers tell groups in one of the two only."""
        said: dict[str, Any] = token_info.get("labyard_claims") or self.claims_of(token_info) or {}
        token_info["labyard_claims"] = said
        answer: dict[str, Any] = await super().token_to_user(token_info)
        if not isinstance(answer, dict) or not answer.get("sub") or answer["sub"] != said.get("sub", answer["sub"]):
            raise ValueError("the user information is somebody else's")
        claim = self.login.groups_claim_in_force
        token_info["labyard_old_groups"] = bool(claim) and claim_at(said, claim) is not None and claim_at(answer, claim) is None
        return {**said, **answer}

    async def _model_of(self, token_info: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        if "id_token" not in token_info:  # a refresh need not bring one; signing out needs the last
            earlier = before["token_response"]
            token_info.update({name: earlier[name] for name in ("id_token", "labyard_claims") if name in earlier})
        return await super()._model_of(token_info, before)

    def needs_new_tokens(self, auth_state: dict[str, Any]) -> bool:
        """Whether groups are in the ID token alone, and so as old as that."""
        return bool(auth_state["token_response"].get("labyard_old_groups"))

    def groups_of(self, auth_model: dict[str, Any]) -> frozenset[str]:
        """Return what the groups' claim lists."""
        claim = self.login.groups_claim_in_force
        return groups_in(claim_at(auth_model["auth_state"][self.user_auth_state_key], claim)) if claim else frozenset()

    def may_enter(self, user_info: dict[str, Any]) -> bool:
        """Whether an account of Google belongs to the organisation, and an address that names are made of is its owner's."""
        if self.login.hosted_domains and str(user_info.get("hd", "")).lower() not in self.login.hosted_domains:
            return False
        return self.login.username_claim_in_force != "email" or user_info.get("email_verified") is not False

    def end_session_url(self, auth_state: dict[str, Any] | None) -> str | None:
        """Return where the provider ends its own session (OpenID Connect RP-Initiated Logout 1.0)."""
        if not self.login.logout_at_provider or self._end_session is None:
            return None
        query = {"client_id": str(self.client_id), "post_logout_redirect_uri": f"{self.hub_url}logout"}
        if auth_state and auth_state.get("id_token"):
            query["id_token_hint"] = auth_state["id_token"]
        return str(url_concat(self._end_session, query))
