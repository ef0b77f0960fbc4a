"""The command line's login: from a browser that the hub knows to a token on somebody's laptop.

The command line keeps a secret and sends its SHA-256 along with the browser (RFC 7636). When the hub has asked whether the command line may act for
the person, the browser is given a one-time code. Anyone who sends that code and the secret gets the token, which never is in a URL. Until then there is no
token: what is kept here in memory is the hub's own code, so that nothing is left over where nobody comes for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tornado.web import create_signed_value, decode_signed_value

from labyard.exceptions import LoginCodeError
from labyard_hub.backends.hub_api import IssuedToken, new_verifier
from labyard_hub.exceptions import LoginRequestError
from labyard_hub.services.authentication import Authentication
from labyard_hub.services.project_access import utc_now

__all__ = ["CODE_SECONDS", "PENDING_SECONDS", "CommandLineLogins", "GrantedLogin", "LoginRequest", "PendingCommandLine"]

CODE_SECONDS = 120.0
"""How long a one-time code works."""
PENDING_SECONDS = 600
"""How long somebody may take to sign in and to answer the hub's question."""
MAX_CODES = 10_000
"""How many are kept; the oldest go first."""
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_GROUPS, GROUP_LETTERS = 5, 4
"""A code has 5 bits for each letter: 100 in all."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE = re.compile(r"[A-Za-z0-9_-]{22,128}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class LoginHub(Protocol):
    """The hub, as it is seen by the OAuth client that is the command line's login."""

    def authorize_url(self, state: str, verifier: str, *, host: str | None = None) -> str:
        """Return the URL path that starts a sign-in."""

    async def issue_token(self, code: str, verifier: str) -> IssuedToken:
        """Return the token that `code` stands for."""

    async def end_login(self, token: str) -> bool:
        """End a token of this client; False if it is another's."""


@dataclass(frozen=True)
class LoginRequest:
    """What the command line asks for.

    Attributes
    ----------
    challenge
        SHA-256 of its secret, in base64url.
    state
        Goes back to it, so that it knows its own login again.
    host
        Which machine it says that it runs on. Anybody can say anything.
    port
        Where on the browser's own machine it listens; None: it waits for the person to type the code.
    """

    challenge: str
    state: str
    host: str
    port: int | None

    @classmethod
    def check(cls, challenge: str, state: str, host: str, port: str) -> LoginRequest:
        """Return the request that these parameters of a URL make.

        Raises
        ------
        LoginRequestError
            If the command line did not write them.
        """
        listens = port.isascii() and port.isdecimal() and 1024 <= int(port[:6]) <= 65535
        if not (_CHALLENGE.fullmatch(challenge) and _STATE.fullmatch(state) and _NAME.fullmatch(host)) or (port and not listens):
            raise LoginRequestError
        return cls(challenge, state, host, int(port) if port else None)


@dataclass(frozen=True)
class PendingCommandLine:
    """A login whose browser has gone to the hub and not come back.

    Attributes
    ----------
    state
        Comes back with the browser; names the cookie.
    verifier
        Proves to the hub that its code was asked for here.
    """

    state: str
    verifier: str = field(repr=False)
    request: LoginRequest

    @property
    def cookie(self) -> str:
        """Name of the cookie that keeps it."""
        return cookie_name(self.state)


def cookie_name(state: str) -> str:
    """Return the name of the cookie for `state`."""
    return f"labyard-cli-{state}"


@dataclass(frozen=True)
class GrantedLogin:
    """A token that is handed out now."""

    token: str = field(repr=False)
    user: str
    expires_at: datetime


@dataclass(frozen=True)
class _Offer:
    """What a one-time code stands for."""

    hub_code: str
    pending: PendingCommandLine
    deadline: float


class CommandLineLogins:
    """Logins from their beginning to the token.

    Parameters
    ----------
    hub
        Whose word counts.
    authentication
        Says whom a token belongs to.
    secret
        Signs what browsers keep.
    clock
        Seconds that only grow.
    now
        The present instant.
    """

    def __init__(
        self,
        hub: LoginHub,
        authentication: Authentication,
        secret: str,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._hub = hub
        self._authentication = authentication
        self._secret = secret
        self._clock = clock
        self._now = now
        self._offers: OrderedDict[str, _Offer] = OrderedDict()

    def begin(self, request: LoginRequest) -> tuple[PendingCommandLine, str]:
        """Return a new login, and the URL path of the hub where it goes on."""
        pending = PendingCommandLine(secrets.token_urlsafe(16), new_verifier(), request)
        return pending, self._hub.authorize_url(pending.state, pending.verifier, host=request.host)

    def seal(self, pending: PendingCommandLine) -> str:
        """Return the value of the cookie that keeps `pending`."""
        return create_signed_value(self._secret, pending.cookie, json.dumps(asdict(pending)), version=2).decode()

    def open(self, state: str, value: str) -> PendingCommandLine | None:
        """Return the login of `state`; None if it did not begin here or is too old."""
        found = decode_signed_value(self._secret, cookie_name(state), value, max_age_days=PENDING_SECONDS / 86400, min_version=2)
        if found is None:
            return None
        fields = json.loads(found)
        pending = PendingCommandLine(fields["state"], fields["verifier"], LoginRequest(**fields["request"]))
        return pending if secrets.compare_digest(pending.state, state) else None

    def offer(self, pending: PendingCommandLine, hub_code: str) -> str:
        """Return a one-time code for what the hub allowed."""
        now = self._clock()
        while self._offers and next(iter(self._offers.values())).deadline <= now:
            self._offers.popitem(last=False)
        while len(self._offers) >= MAX_CODES:
            self._offers.popitem(last=False)
        groups = ("".join(secrets.choice(CODE_LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(CODE_GROUPS))
        code = "-".join(groups)
        self._offers[_key(code)] = _Offer(hub_code, pending, now + CODE_SECONDS)
        return code

    async def redeem(self, code: str, verifier: str) -> GrantedLogin:
        """Return the token that `code` stands for. A code works once, also for a person who has no right to it.

        Raises
        ------
        LoginCodeError
            If it does not work, or `verifier` is not the secret that the login began with.
        HubUnavailableError
            If the hub does not answer.
        """
        offer = self._offers.pop(_key(code), None)
        if offer is None or offer.deadline <= self._clock():
            raise LoginCodeError.of()
        if not secrets.compare_digest(_challenge(verifier), offer.pending.request.challenge):
            raise LoginCodeError.of()
        issued = await self._hub.issue_token(offer.hub_code, offer.pending.verifier)
        user = await self._authentication.user(issued.token)
        return GrantedLogin(issued.token, user.name, self._now() + timedelta(seconds=issued.lifetime_seconds))

    async def end(self, token: str) -> bool:
        """End a token that a login made; False if something else made it, and it stays.

        Raises
        ------
        HubUnavailableError
            If the hub does not answer.
        """
        ended = await self._hub.end_login(token)
        self._authentication.forget(token)
        return ended


def _key(code: str) -> str:
    """Return what a code is kept under: people may type it without its strokes, and in small letters."""
    return hashlib.sha256(code.replace("-", "").replace(" ", "").upper().encode()).hexdigest()


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
