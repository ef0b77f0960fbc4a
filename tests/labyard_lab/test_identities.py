"""What is remembered of the senders of requests, and what never is. Worth: somebody who has signed out is out, and one page's rights are no other's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider

from labyard_lab.proxy.identities import GRACE_SECONDS, MOST, SECONDS, Identities

ADA = SimpleNamespace(username="ada")


def handler(method: str = "GET", query: str = "", *, known: bool = False, **headers: str) -> Any:
    made = SimpleNamespace(request=SimpleNamespace(method=method, query=query, headers={"Cookie": "a=1", "Host": "h", **headers}))
    if known:
        made._jupyterhub_user, made._cached_hub_user, made._token_authenticated = ADA, {"name": "ada"}, True
    return made


def is_known(identities: Identities, asking: Any) -> bool:
    identities.recall(asking)
    return getattr(asking, "_jupyterhub_user", None) is ADA


async def test_jupyterhub_looks_there_first() -> None:
    """If it no longer did, nothing would be wrong but the speed."""
    provider: Any = JupyterHubIdentityProvider.__new__(JupyterHubIdentityProvider)
    assert await provider.get_user(SimpleNamespace(_jupyterhub_user=ADA)) is ADA


def test_the_same_credentials_are_known_for_a_moment_from_when_they_were_looked_at() -> None:
    now = 0.0
    identities = Identities(lambda: now)
    identities.remember(handler(known=True))
    asking = handler()
    assert is_known(identities, asking)
    assert (asking._cached_hub_user, asking._token_authenticated) == ({"name": "ada"}, True)
    now = SECONDS - 0.1
    identities.remember(asking)  # a request that was let in by memory makes it no younger
    assert is_known(identities, handler())
    now = SECONDS
    assert not is_known(identities, handler())  # this one has it looked up
    assert is_known(identities, handler())  # the others go on meanwhile
    now = SECONDS + GRACE_SECONDS
    assert not is_known(identities, handler())
    identities.remember(handler(known=True))
    assert is_known(identities, handler())


@pytest.mark.parametrize(
    "asking",
    [
        handler("POST"), handler("DELETE"), handler("OPTIONS"), handler(query="token=x"), handler(Cookie="a=2"), handler(Authorization="token x"), handler(Host="evil"),
        handler(**{"Sec-Fetch-Site": "cross-site"}), handler(**{"Sec-Fetch-Mode": "navigate"}),
    ],
)  # fmt: skip
def test_other_requests_are_looked_at(asking: Any) -> None:
    identities = Identities(lambda: 0.0)
    identities.remember(handler(known=True))
    assert not is_known(identities, asking)


@pytest.mark.parametrize("asking", [handler(), handler("POST", known=True), handler(query="a&token=x", known=True)])
def test_nothing_is_kept_of_strangers_and_of_requests_that_change_something(asking: Any) -> None:
    identities = Identities(lambda: 0.0)
    identities.remember(asking)
    assert identities._known == {}


def test_it_is_bounded() -> None:
    identities = Identities(lambda: 0.0)
    for number in range(3 * MOST):
        identities.remember(handler(known=True, Cookie=str(number)))
    assert len(identities._known) <= MOST
