"""The command line's login: a one-time code becomes a token, and a token ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labyard.client.calls import Call, Resource, SyncTransport, TransportT, endpoint
from labyard.client.transport import SyncHttp
from labyard.models.login import Health, LoginExchange, LoginToken

__all__ = ["LoginTokens", "open_logins"]

TIMEOUT_SECONDS = 15.0


@contextmanager
def open_logins(url: str, token: str | None = None) -> Iterator[LoginTokens[SyncTransport]]:
    """Open a connection to the platform at the normal address `url`, for its logins only."""
    http = SyncHttp(url, token, TIMEOUT_SECONDS)
    try:
        yield LoginTokens(http)
    finally:
        http.close()


class LoginTokens(Resource[TransportT]):
    """What `labyard login` and `labyard logout` call."""

    @endpoint
    def health(self) -> Call[Health]:
        """Return whether a platform is there; it is asked without a token."""
        return Call("GET", "health", Health, signed=False)

    @endpoint
    def exchange(self, code: str, verifier: str) -> Call[LoginToken]:
        """Return the token that the one-time `code` stands for, to the command line that began the login."""
        return Call("POST", "cli/token", LoginToken, body=LoginExchange(code=code, verifier=verifier), signed=False)

    @endpoint
    def revoke(self) -> Call[None]:
        """End the token that this very request carries, if `labyard login` made it."""
        return Call("DELETE", "cli/token", None)
