"""Changes that come together go to the proxy together; failures reach whoever waits."""

from __future__ import annotations

import asyncio

import pytest

from labyard_hub.hub_plugins.route_publisher import RoutePublisher


class SlowProxy:
    """Takes a version once it is told to."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.has: str | None = None
        self.answers = True
        self.asked = asyncio.Event()
        self.error: OSError | None = None

    async def write(self, name: str) -> None:
        if self.error:
            raise self.error
        self.written.append(name)
        self.asked.clear()

    async def wrote(self, count: int) -> None:
        while len(self.written) < count:
            self.asked.clear()
            await self.asked.wait()

    async def has_version(self, name: str) -> bool | None:
        self.asked.set()
        return self.has == name if self.answers else None


async def publish(publisher: RoutePublisher) -> None:
    await publisher.publish()
    await publisher.loaded(10)


async def test_a_storm_while_the_proxy_reads_is_one_more_version() -> None:
    proxy = SlowProxy()
    publisher = RoutePublisher(proxy.write, proxy.has_version)
    first = asyncio.gather(*(publish(publisher) for _ in range(20)))
    await proxy.asked.wait()
    assert len(proxy.written) == 1
    second = asyncio.gather(*(publish(publisher) for _ in range(1000)))
    await asyncio.sleep(0)
    assert not first.done()
    proxy.has = proxy.written[0]
    await first
    await proxy.wrote(2)
    assert not second.done()
    proxy.has = proxy.written[-1]
    await second
    assert len(proxy.written) == 2


async def test_no_two_publishers_name_their_versions_alike() -> None:
    """A hub that starts again must not take the last one's version for its own."""
    names = []
    for _ in range(2):
        proxy = SlowProxy()
        await RoutePublisher(proxy.write, proxy.has_version).publish()
        names += proxy.written
    assert len(set(names)) == 2


async def test_a_failed_write_reaches_who_waits_and_the_next_version_is_written() -> None:
    proxy = SlowProxy()
    publisher = RoutePublisher(proxy.write, proxy.has_version)
    proxy.error = OSError("the disk is full")
    with pytest.raises(OSError, match="full"):
        await publisher.publish()
    proxy.error = None
    await publisher.publish()
    assert len(proxy.written) == 1


async def test_a_proxy_that_is_away_is_given_the_next_version() -> None:
    proxy = SlowProxy()
    proxy.answers = False
    publisher = RoutePublisher(proxy.write, proxy.has_version)
    first = asyncio.create_task(publish(publisher))
    await proxy.asked.wait()
    second = asyncio.create_task(publish(publisher))
    await proxy.wrote(2)
    proxy.answers, proxy.has = True, proxy.written[-1]
    await asyncio.gather(first, second)


async def test_a_proxy_that_never_has_it_is_an_error_in_time() -> None:
    proxy = SlowProxy()
    publisher = RoutePublisher(proxy.write, proxy.has_version)
    await publisher.publish()
    with pytest.raises(TimeoutError):
        await publisher.loaded(0.05)
    proxy.has = proxy.written[-1]
    await publisher.loaded(10)
    await publisher.loaded(10)
