"""GitHub, which speaks OAuth 2.0 and an API of its own."""

from __future__ import annotations

from typing import Any

from oauthenticator.github import GitHubOAuthenticator

from labyard_hub.domain.provider_people import groups_in
from labyard_hub.hub_process.login.provider_authenticator import ProviderAuthenticator

__all__ = ["GitHubAuthenticator"]


class GitHubAuthenticator(ProviderAuthenticator, GitHubOAuthenticator):  # type: ignore[misc]  # see above
    """GitHub, whose groups are organisations and teams. It has no session that could be ended from here."""

    user_auth_state_key = "github_user"

    @property
    def issuer(self) -> str:
        """GitHub's address."""
        return str(self.github_url)

    def subject(self, user_info: dict[str, Any]) -> str:
        """Return the account's number, which stays when its name changes."""
        return str(user_info["id"])

    async def update_auth_model(self, auth_model: dict[str, Any]) -> dict[str, Any]:
        """Add organisations and teams."""
        state = auth_model["auth_state"]
        state["groups"] = []
        if "read:org" in self.scope:
            tokens = state["token_response"]
            access = tokens["access_token"], tokens["token_type"]
            organisations = await self._paginated_fetch(f"{self.github_api}/user/orgs?per_page=100", *access)
            teams = await self._paginated_fetch(f"{self.github_api}/user/teams?per_page=100", *access)
            state["groups"] = [one["login"] for one in organisations] + [f"{one['organization']['login']}:{one['slug']}" for one in teams]
        return auth_model

    def groups_of(self, auth_model: dict[str, Any]) -> frozenset[str]:
        """Return organisations, and teams as ORGANISATION:TEAM."""
        return groups_in(auth_model["auth_state"].get("groups"))
