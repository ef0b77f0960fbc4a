"""What the start page says of a cluster, asked now and then."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_asyncio.client import ApiException

from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.hub_process.pods.capacity import ClusterCapacity
from labyard_hub.hub_process.starting.capacity import ProfileCapacity
from tests.fake_kubernetes.handle import node

SMALL = ProfileSettings.model_validate({"name": "small", "cpu_guarantee_cores": 2})
GPU = ProfileSettings.model_validate({"name": "gpu", "gpu": {}})


class Cluster:
    """Answers, and counts how often it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked = error, 0

    async def read(self) -> tuple[list[Any], list[Any]]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [node("a", resources={"cpu": "5"})], []


async def test_it_is_asked_once_for_all_who_look_at_the_same_time() -> None:
    cluster = Cluster()
    capacity = ClusterCapacity(ClusterSettings(), cluster.read)
    for _ in range(3):
        assert (await capacity.free([SMALL]))["small"] == ProfileCapacity(free=2, total=2, queue=0)
    assert cluster.asked == 1


async def test_of_nodes_that_may_come_it_is_not_known_how_many() -> None:
    assert (await ClusterCapacity(ClusterSettings(), Cluster().read).free([GPU]))["gpu"] == ProfileCapacity(free=0, total=None, queue=0)


@pytest.mark.parametrize("error", [ApiException(status=403, reason="Forbidden"), TimeoutError(), OSError("gone")])
async def test_who_may_not_ask_knows_nothing(error: Exception) -> None:
    cluster = Cluster(error)
    capacity = ClusterCapacity(ClusterSettings(), cluster.read)
    for _ in range(2):
        assert await capacity.free([SMALL]) == {"small": ProfileCapacity()}
    assert cluster.asked == 1


async def test_it_can_be_told_not_to_ask() -> None:
    cluster = Cluster()
    assert await ClusterCapacity(ClusterSettings(show_capacity=False), cluster.read).free([SMALL]) == {"small": ProfileCapacity()}
    assert cluster.asked == 0
