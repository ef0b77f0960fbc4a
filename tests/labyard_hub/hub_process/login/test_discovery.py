"""The discovery document: what is believed, and what happens while the provider is away."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from labyard_hub.hub_process.login.discovery import AGE_SECONDS, Discovery, read_endpoints
from labyard_hub.hub_process.sign_in_errors import ProviderAwayError

ISSUER = "https://id.example.org/realms/team"
DOCUMENT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://id.example.org/auth",
    "token_endpoint": "https://id.example.org/token",
    "userinfo_endpoint": "https://id.example.org/me",
}


def test_what_it_says_is_taken() -> None:
    endpoints = read_endpoints({**DOCUMENT, "end_session_endpoint": "https://id.example.org/end"}, ISSUER)
    assert (endpoints.authorize, endpoints.end_session, endpoints.basic) == (
        "https://id.example.org/auth",
        "https://id.example.org/end",
        True,
    )


@pytest.mark.parametrize(
    ("methods", "basic"), [(["client_secret_post"], False), (["client_secret_post", "client_secret_basic"], True), (["x"], True)]
)
def test_how_the_secret_is_sent_follows_it(methods: list[str], basic: bool) -> None:
    assert read_endpoints({**DOCUMENT, "token_endpoint_auth_methods_supported": methods}, ISSUER).basic is basic


def test_a_slash_at_the_end_makes_no_other_issuer() -> None:
    assert read_endpoints({**DOCUMENT, "issuer": ISSUER + "/"}, ISSUER).issuer == ISSUER + "/"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "no discovery document"),
        ({**DOCUMENT, "issuer": "https://elsewhere.example"}, "speaks for the issuer"),
        ({**DOCUMENT, "issuer": None}, "speaks for the issuer"),
        ({**DOCUMENT, "token_endpoint": None}, "token_endpoint"),
        ({**DOCUMENT, "token_endpoint": "http://id.example.org/token"}, "token_endpoint"),
        ({**DOCUMENT, "authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({**DOCUMENT, "end_session_endpoint": "http://id.example.org/end"}, "end_session_endpoint"),
    ],
)
def test_another_issuers_or_a_broken_one_is_refused(document: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_endpoints(document, ISSUER)


class Provider:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: bytes | Exception = json.dumps(DOCUMENT).encode()

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_it_is_read_when_needed_and_kept_for_an_hour() -> None:
    provider, now = Provider(), 0.0
    discovery = Discovery(ISSUER, provider.fetch, logging.getLogger("test"), clock=lambda: now)
    assert provider.asked == []
    await discovery.endpoints()
    await discovery.endpoints()
    assert provider.asked == [f"{ISSUER}/.well-known/openid-configuration"]
    now = AGE_SECONDS + 1
    provider.answer = OSError("away")
    assert (await discovery.endpoints()).token == "https://id.example.org/token"
    assert len(provider.asked) == 2


@pytest.mark.parametrize("answer", [OSError("away"), b"<html>", b'{"issuer": "https://elsewhere.example"}'])
async def test_a_provider_that_never_answered_is_asked_again(answer: bytes | Exception) -> None:
    provider = Provider()
    discovery = Discovery(ISSUER, provider.fetch, logging.getLogger("test"))
    provider.answer, good = answer, provider.answer
    with pytest.raises(ProviderAwayError, match="does not answer"):
        await discovery.endpoints()
    provider.answer = good
    assert (await discovery.endpoints()).issuer == ISSUER
