"""Buckets of attempts, by a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest

from labyard_hub.hub_process.login import throttle as module
from labyard_hub.hub_process.login.throttle import AttemptsError, Throttle, address_key


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(300, clock)


async def fail(throttle: Throttle, *limits: tuple[str, int], right: bool = False) -> None:
    async with throttle.attempt(limits) as attempt:
        await asyncio.sleep(0)  # while the password is looked at
        attempt.succeeded = right


async def test_a_full_bucket_refuses_until_its_oldest_failure_is_forgotten(throttle: Throttle, clock: Clock) -> None:
    for _ in range(10):
        await fail(throttle, ("name ada", 10))
        clock.now += 1
    with pytest.raises(AttemptsError) as refused:
        await fail(throttle, ("name ada", 10))
    assert refused.value.retry_after_seconds == 290
    assert refused.value.status_code == 429
    clock.now += 289.9
    with pytest.raises(AttemptsError):
        await fail(throttle, ("name ada", 10))
    clock.now += 0.2
    await fail(throttle, ("name ada", 10))


async def test_a_thousand_wrong_ones_at_once_get_ten(throttle: Throttle) -> None:
    attempts = [fail(throttle, ("name ada", 10), ("address 192.0.2.1", 5000)) for _ in range(1000)]
    ended = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(one is None for one in ended) == 10
    assert all(one is None or isinstance(one, AttemptsError) for one in ended)


async def test_a_thousand_right_ones_at_once_from_one_address_all_succeed(throttle: Throttle) -> None:
    await asyncio.gather(*(fail(throttle, (f"name u{number}", 10), ("address 192.0.2.1", 50), right=True) for number in range(1000)))
    assert not throttle._pending
    assert not any(throttle._buckets.values())


async def test_an_attempt_that_breaks_off_counts_as_failed(throttle: Throttle) -> None:
    with pytest.raises(ValueError, match="broken"):
        async with throttle.attempt([("name ada", 1)]):
            raise ValueError("broken")
    with pytest.raises(AttemptsError):
        await fail(throttle, ("name ada", 1))


async def test_a_refused_attempt_takes_no_place_anywhere(throttle: Throttle, clock: Clock) -> None:
    await fail(throttle, ("name ada", 1))
    for _ in range(5):
        with pytest.raises(AttemptsError):
            await fail(throttle, ("address 192.0.2.1", 2), ("name ada", 1))
    await fail(throttle, ("address 192.0.2.1", 2), ("name bob", 1))
    clock.now += 301
    await fail(throttle, ("address 192.0.2.1", 2), ("name ada", 1))


async def test_other_names_and_addresses_are_not_touched(throttle: Throttle) -> None:
    await fail(throttle, ("name ada", 1), ("address 192.0.2.1", 2))
    await fail(throttle, ("name bob", 1), ("address 192.0.2.1", 2))
    with pytest.raises(AttemptsError):
        await fail(throttle, ("name carol", 1), ("address 192.0.2.1", 2))
    await fail(throttle, ("name carol", 1), ("address 192.0.2.2", 2))


async def test_a_right_password_forgets_no_wrong_one(throttle: Throttle, clock: Clock) -> None:
    await fail(throttle, ("name ada", 2))
    clock.now += 1
    for _ in range(50):
        await fail(throttle, ("name ada", 2), right=True)
    await fail(throttle, ("name ada", 2))
    with pytest.raises(AttemptsError):
        await fail(throttle, ("name ada", 2))


async def test_made_up_names_do_not_fill_the_memory(throttle: Throttle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BUCKETS", 100)
    for index in range(1000):
        await fail(throttle, (f"name {index}", 1), ("address 192.0.2.1", 10_000))
    assert len(throttle._buckets) <= 102
    assert len(throttle._buckets["address 192.0.2.1"]) == 1000  # what is in use stays


def test_the_message_says_when(clock: Clock) -> None:
    assert "Wait 30 s" in AttemptsError(29.5).message
    assert "Wait 5 minutes" in AttemptsError(299).message
    assert AttemptsError(0.01).retry_after_seconds == 1


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),
        (None, "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_what_an_address_counts_as(address: str | None, key: str) -> None:
    assert address_key(address) == key
