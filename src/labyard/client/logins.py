"""The command line's login: a one-time code becomes a token, and a token ends."""

from __future__ import annotations

from labyard.client.calls import Call, Resource, TransportT, endpoint
from labyard.models.login import LoginExchange, LoginToken

__all__ = ["LoginTokens"]


class LoginTokens(Resource[TransportT]):
    """What `labyard login` and `labyard logout` call."""

    @endpoint
    def exchange(self, code: str, verifier: str) -> Call[LoginToken]:
        """Return the token that the one-time `code` stands for, to whoever began the login."""
        return Call("POST", "cli/token", LoginToken, body=LoginExchange(code=code, verifier=verifier), signed=False)

    @endpoint
    def revoke(self) -> Call[None]:
        """End the token that this very request carries, if `labyard login` made it."""
        return Call("DELETE", "cli/token", None)
