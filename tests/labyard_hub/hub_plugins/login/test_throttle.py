"""Buckets of attempts, by a clock that the test moves."""

from __future__ import annotations

import pytest

from labyard_hub.hub_plugins.login import throttle as module
from labyard_hub.hub_plugins.login.throttle import AttemptsError, Throttle, address_key


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


def test_a_full_bucket_refuses_until_its_oldest_attempt_is_forgotten(throttle: Throttle, clock: Clock) -> None:
    for _ in range(10):
        throttle.begin([("name ada", 10)])
        clock.now += 1
    with pytest.raises(AttemptsError) as refused:
        throttle.begin([("name ada", 10)])
    assert refused.value.retry_after_seconds == 290
    assert refused.value.status_code == 429
    clock.now += 289.9
    with pytest.raises(AttemptsError):
        throttle.begin([("name ada", 10)])
    clock.now += 0.2
    throttle.begin([("name ada", 10)])


def test_a_thousand_at_once_get_ten(throttle: Throttle) -> None:
    passed = 0
    for _ in range(1000):
        try:
            throttle.begin([("name ada", 10), ("address 192.0.2.1", 5000)])
            passed += 1
        except AttemptsError:
            pass
    assert passed == 10


def test_a_refused_attempt_takes_no_place_anywhere(throttle: Throttle, clock: Clock) -> None:
    throttle.begin([("name ada", 1)])
    for _ in range(5):
        with pytest.raises(AttemptsError):
            throttle.begin([("address 192.0.2.1", 2), ("name ada", 1)])
    throttle.begin([("address 192.0.2.1", 2), ("name bob", 1)])
    clock.now += 301
    throttle.begin([("address 192.0.2.1", 2), ("name ada", 1)])


def test_other_names_and_addresses_are_not_touched(throttle: Throttle) -> None:
    throttle.begin([("name ada", 1), ("address 192.0.2.1", 2)])
    throttle.begin([("name bob", 1), ("address 192.0.2.1", 2)])
    with pytest.raises(AttemptsError):
        throttle.begin([("name carol", 1), ("address 192.0.2.1", 2)])
    throttle.begin([("name carol", 1), ("address 192.0.2.2", 2)])


def test_a_right_password_gives_back_its_own_place_only(throttle: Throttle, clock: Clock) -> None:
    throttle.begin([("name ada", 2)])
    clock.now += 1
    for _ in range(50):
        throttle.succeeded(throttle.begin([("name ada", 2)]))
    throttle.begin([("name ada", 2)])
    with pytest.raises(AttemptsError):
        throttle.begin([("name ada", 2)])


def test_made_up_names_do_not_fill_the_memory(throttle: Throttle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BUCKETS", 100)
    for index in range(1000):
        throttle.begin([(f"name {index}", 1), ("address 192.0.2.1", 10_000)])
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
