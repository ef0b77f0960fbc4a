"""One-time codes of the command line's login."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from labyard.exceptions import LoginCodeError
from labyard_hub.backends.hub_api import HubUser, IssuedToken
from labyard_hub.exceptions import LoginRequestError
from labyard_hub.services import cli_login
from labyard_hub.services.authentication import Authentication
from labyard_hub.services.cli_login import CODE_SECONDS, CommandLineLogins, LoginRequest, PendingCommandLine

NOW = datetime(2026, 11, 24, tzinfo=UTC)
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class FakeHub:
    """Hands out tokens for codes, and remembers."""

    def __init__(self) -> None:
        self.issued: list[tuple[str, str]] = []
        self.tokens = {"token-of-ada"}

    def authorize_url(self, state: str, verifier: str, *, host: str | None = None) -> str:
        return f"/hub?state={state}&challenge={len(verifier)}&host={host}"

    async def issue_token(self, code: str, verifier: str) -> IssuedToken:
        self.issued.append((code, verifier))
        return IssuedToken("token-of-ada", 3600)

    async def end_login(self, token: str) -> bool:
        self.tokens.discard(token)
        return True

    async def user_for_token(self, token: str) -> HubUser | None:
        scopes = frozenset({"access:services!service=labyard"})
        return HubUser("ada", True, False, (), scopes) if token in self.tokens else None


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logins(hub: FakeHub, clock: Clock) -> CommandLineLogins:
    return CommandLineLogins(hub, Authentication(hub), "s" * 64, clock, lambda: NOW)


@pytest.fixture
def pending(logins: CommandLineLogins) -> PendingCommandLine:
    return logins.begin(LoginRequest.check(CHALLENGE, "s" * 32, "laptop", "40000"))[0]


async def test_a_code_becomes_a_token_once(logins: CommandLineLogins, pending: PendingCommandLine, hub: FakeHub) -> None:
    code = logins.offer(pending, "hub-code")
    assert hub.issued == []  # there is no token before somebody comes for it
    granted = await logins.redeem(code, VERIFIER)
    assert (granted.token, granted.user, granted.expires_at) == ("token-of-ada", "ada", NOW + timedelta(hours=1))
    assert hub.issued == [("hub-code", pending.verifier)]
    assert "token-of-ada" not in repr(granted)
    with pytest.raises(LoginCodeError):
        await logins.redeem(code, VERIFIER)


async def test_a_code_typed_by_hand(logins: CommandLineLogins, pending: PendingCommandLine) -> None:
    code = logins.offer(pending, "hub-code")
    assert (await logins.redeem(f" {code.lower().replace('-', ' ')} ", VERIFIER)).user == "ada"


async def test_a_wrong_secret_uses_the_code_up(logins: CommandLineLogins, pending: PendingCommandLine, hub: FakeHub) -> None:
    code = logins.offer(pending, "hub-code")
    for verifier in ("w" * 64, VERIFIER):
        with pytest.raises(LoginCodeError):
            await logins.redeem(code, verifier)
    assert hub.issued == []


async def test_a_code_that_is_too_old(logins: CommandLineLogins, pending: PendingCommandLine, clock: Clock) -> None:
    young, old = logins.offer(pending, "one"), logins.offer(pending, "two")
    clock.seconds += CODE_SECONDS - 1
    await logins.redeem(young, VERIFIER)
    clock.seconds += 1
    with pytest.raises(LoginCodeError):
        await logins.redeem(old, VERIFIER)


async def test_codes_are_bounded_and_the_oldest_go_first(
    logins: CommandLineLogins, pending: PendingCommandLine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_login, "MAX_CODES", 3)
    codes = [logins.offer(pending, f"code-{number}") for number in range(4)]
    with pytest.raises(LoginCodeError):
        await logins.redeem(codes[0], VERIFIER)
    await logins.redeem(codes[1], VERIFIER)
    clock.seconds += CODE_SECONDS
    logins.offer(pending, "later")
    assert len(logins._offers) == 1


def test_what_the_browser_keeps(logins: CommandLineLogins, pending: PendingCommandLine) -> None:
    value = logins.seal(pending)
    assert logins.open(pending.state, value) == pending
    assert logins.open("other", value) is None
    assert logins.open(pending.state, value[:-1]) is None
    assert logins.open(pending.state, logins.seal(replace(pending, state="other"))) is None


async def test_an_ended_token_is_refused_at_once(logins: CommandLineLogins, hub: FakeHub) -> None:
    authentication = logins._authentication
    assert (await authentication.user("token-of-ada")).name == "ada"
    assert await logins.end("token-of-ada")
    with pytest.raises(Exception, match="not valid"):
        await authentication.user("token-of-ada")


@pytest.mark.parametrize(
    ("challenge", "state", "host", "port"),
    [
        ("", "s" * 32, "laptop", ""),
        (CHALLENGE + "=", "s" * 32, "laptop", ""),
        (CHALLENGE, "s" * 8, "laptop", ""),
        (CHALLENGE, "s" * 32, "<b>", ""),
        (CHALLENGE, "s" * 32, "x" * 65, ""),
        (CHALLENGE, "s" * 32, "laptop", "80"),
        (CHALLENGE, "s" * 32, "laptop", "65536"),
        (CHALLENGE, "s" * 32, "laptop", "8000@evil.example"),
        (CHALLENGE, "s" * 32, "laptop", "٤٠٠٠٠"),
        (CHALLENGE, "s" * 32, "laptop", "1" * 300),
    ],
)
def test_addresses_that_no_command_line_made(challenge: str, state: str, host: str, port: str) -> None:
    with pytest.raises(LoginRequestError):
        LoginRequest.check(challenge, state, host, port)
