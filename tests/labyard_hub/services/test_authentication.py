from __future__ import annotations

import asyncio

import pytest

from labyard.exceptions import MissingScopeError, UnauthenticatedError
from labyard_hub.backends.hub_api import HubUser
from labyard_hub.domain.scopes import SERVICE_SCOPES
from labyard_hub.exceptions import HubUnavailableError, NotAUserError
from labyard_hub.services.authentication import CACHE_ENTRIES, CACHE_SECONDS, Authentication

SCOPES = frozenset({"access:services!service=labyard"})


class Hub:
    """Knows the tokens that it is told; counts questions."""

    def __init__(self, **owners: HubUser) -> None:
        self.owners = owners
        self.asked = 0
        self.down = False

    async def user_for_token(self, token: str) -> HubUser | None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise HubUnavailableError
        return self.owners.get(token)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def user(name: str = "ada", *, is_user: bool = True, scopes: frozenset[str] = SCOPES) -> HubUser:
    return HubUser(name, is_user, admin=False, groups=("team",), scopes=scopes)


async def test_asks_once_while_the_answer_is_fresh() -> None:
    hub, clock = Hub(t=user()), Clock()
    authentication = Authentication(hub, clock)
    assert (await authentication.user("t")).name == "ada"
    clock.now += CACHE_SECONDS - 0.1
    assert (await authentication.user("t")).groups == ("team",)
    assert hub.asked == 1
    hub.owners.clear()
    clock.now += 0.2
    with pytest.raises(UnauthenticatedError):
        await authentication.user("t")


async def test_many_at_once_ask_once() -> None:
    hub = Hub(t=user())
    authentication = Authentication(hub)
    assert len(await asyncio.gather(*(authentication.user("t") for _ in range(50)))) == 50
    assert hub.asked == 1


async def test_one_that_gives_up_does_not_spoil_it_for_the_others() -> None:
    authentication = Authentication(Hub(t=user()))
    first, second = (asyncio.create_task(authentication.user("t")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).name == "ada"


async def test_a_hub_that_is_down_is_bridged_only_briefly() -> None:
    hub, clock = Hub(t=user()), Clock()
    authentication = Authentication(hub, clock)
    await authentication.user("t")
    hub.down = True
    assert (await authentication.user("t")).name == "ada"
    with pytest.raises(HubUnavailableError):
        await authentication.user("another")
    clock.now += CACHE_SECONDS + 0.1
    with pytest.raises(HubUnavailableError):
        await authentication.user("t")
    hub.down = False
    assert (await authentication.user("t")).name == "ada"


async def test_what_is_kept_is_bounded() -> None:
    hub = Hub()
    authentication = Authentication(hub)
    for number in range(CACHE_ENTRIES + 10):
        with pytest.raises(UnauthenticatedError):
            await authentication.user(f"wrong-{number}")
    assert len(authentication._cache) == CACHE_ENTRIES
    assert not authentication._asking
    assert not any("wrong" in key for key in authentication._cache)


async def test_a_token_needs_a_scope_that_leads_here() -> None:
    hub = Hub(
        narrow=user(scopes=frozenset({"read:users:name!user=ada", "access:services!service=other"})),
        mlflow=user(scopes=frozenset({"access:services!service=mlflow"})),
        every=user(scopes=frozenset({"access:services"})),
        own=user(scopes=frozenset({"custom:labyard:use!user=ada"})),
        visiting=user(scopes=frozenset({"custom:labyard:use!user=bob", "custom:labyard:use!user=ada2", "access:servers!server=bob/"})),
        service=user("metrics", is_user=False),
    )
    authentication = Authentication(hub)
    with pytest.raises(MissingScopeError, match="access:services!service=labyard"):
        await authentication.user("narrow")
    with pytest.raises(MissingScopeError):
        await authentication.user("mlflow")
    assert (await authentication.user("mlflow", SERVICE_SCOPES)).name == "ada"
    assert (await authentication.user("every")).name == "ada"
    assert (await authentication.user("own")).name == "ada"
    with pytest.raises(MissingScopeError):
        await authentication.user("visiting")
    with pytest.raises(MissingScopeError):
        await authentication.user("mlflow", ("access:services!service=labyard",))
    with pytest.raises(NotAUserError):
        await authentication.user("service")


@pytest.mark.parametrize("token", ["", " ", "a b", "a\r\nX-Evil: 1", "\x00", "ü", "x" * 513])
async def test_what_cannot_be_a_token_is_not_even_asked_about(token: str) -> None:
    hub = Hub()
    with pytest.raises(UnauthenticatedError) as caught:
        await Authentication(hub).user(token)
    assert hub.asked == 0
    assert not token.strip() or token not in caught.value.message
