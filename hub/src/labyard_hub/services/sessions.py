"""What a browser keeps for us: signed, so that nobody can make one up."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass

from tornado.web import create_signed_value, decode_signed_value

__all__ = ["LOGIN_SECONDS", "SESSION_COOKIE", "SESSION_SECONDS", "PendingLogin", "Sessions"]

SESSION_COOKIE = "labyard-session"
SESSION_SECONDS = 30 * 86400
"""An upper limit; the hub ends a session earlier by not knowing its token any more."""
LOGIN_SECONDS = 600
LOGIN_COOKIE_PREFIX = "labyard-login-"


@dataclass(frozen=True)
class PendingLogin:
    """A sign-in that has gone to the hub and not come back.

    Attributes
    ----------
    state
        Comes back with the browser; names the cookie, so that several tabs can sign in at once.
    verifier
        Proves to the hub that the code was asked for here.
    target
        URL path to go to afterwards, checked.
    """

    state: str
    verifier: str
    target: str

    @staticmethod
    def cookie_name(state: str) -> str:
        """Return the name of the cookie for `state`."""
        return f"{LOGIN_COOKIE_PREFIX}{state}"


class Sessions:
    """Signs and reads the cookies' values.

    Parameters
    ----------
    secret
        Kept in the state folder: sessions outlive this process.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def seal_token(self, token: str) -> str:
        """Return the session cookie's value for `token`."""
        return self._seal(SESSION_COOKIE, token)

    def open_token(self, value: str) -> str | None:
        """Return the token in a session cookie; None if we did not make it or it is too old."""
        return self._open(SESSION_COOKIE, value, SESSION_SECONDS)

    def new_login(self, verifier: str, target: str) -> PendingLogin:
        """Begin a sign-in."""
        return PendingLogin(secrets.token_urlsafe(16), verifier, target)

    def seal_login(self, login: PendingLogin) -> str:
        """Return the value of its cookie."""
        return self._seal(PendingLogin.cookie_name(login.state), json.dumps(asdict(login)))

    def open_login(self, state: str, value: str) -> PendingLogin | None:
        """Return the sign-in of `state`; None if we did not begin it or it is too old."""
        text = self._open(PendingLogin.cookie_name(state), value, LOGIN_SECONDS)
        if text is None:
            return None
        login = PendingLogin(**json.loads(text))
        return login if secrets.compare_digest(login.state, state) else None

    def _seal(self, name: str, value: str) -> str:
        return create_signed_value(self._secret, name, value, version=2).decode()

    def _open(self, name: str, value: str, lifetime_seconds: int) -> str | None:
        found = decode_signed_value(self._secret, name, value, max_age_days=lifetime_seconds / 86400, min_version=2)
        return found.decode() if found is not None else None
