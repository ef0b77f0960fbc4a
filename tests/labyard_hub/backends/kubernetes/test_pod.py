"""From a profile to a pod, as KubeSpawner's traits."""

from __future__ import annotations

from typing import Any

import pytest

from labyard_hub.backends.kubernetes.pod import pod_properties, quantity, shared_memory_bytes
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings

GPU = {"count": 2, "resource": "nvidia.com/mig-1g.10gb"}


def profile(**values: Any) -> ProfileSettings:
    return ProfileSettings.model_validate({"name": "one", "cpu_cores": 4, "memory_bytes": "8Gi", **values})


def test_a_pod_asks_for_little_and_may_take_its_limit() -> None:
    found = pod_properties(profile(), "image:1", ClusterSettings())
    assert (found["cpu_limit"], found["mem_limit"]) == (4, 8 * 2**30)
    assert found["extra_resource_guarantees"] == {"cpu": "50m", "memory": "256Mi"}
    assert found["extra_resource_limits"] == {}


def test_what_is_guaranteed_is_asked_for() -> None:
    found = pod_properties(profile(cpu_guarantee_cores=1, memory_guarantee_bytes="2Gi"), "image:1", ClusterSettings())
    assert (found["cpu_guarantee"], found["mem_guarantee"], found["extra_resource_guarantees"]) == (1, 2 * 2**30, {})


def test_a_profile_smaller_than_an_idle_server_asks_for_no_more_than_its_limit() -> None:
    found = pod_properties(profile(cpu_cores=0.02, memory_bytes="256Mi"), "image:1", ClusterSettings())
    assert found["extra_resource_guarantees"] == {"cpu": "0.02", "memory": "256Mi"}


def test_gpus_are_a_resource_of_their_own_name() -> None:
    assert pod_properties(profile(gpu=GPU), "image:1", ClusterSettings())["extra_resource_limits"] == {"nvidia.com/mig-1g.10gb": "2"}


def test_selectors_and_tolerations_of_the_cluster_and_the_profile_add_up() -> None:
    cluster = ClusterSettings.model_validate(
        {"pods": {"node_selector": {"pool": "users", "zone": "a"}, "tolerations": [{"key": "users", "operator": "Exists"}]}}
    )
    found = pod_properties(
        profile(node_selector={"zone": "b"}, tolerations=[{"key": "gpu", "value": "yes", "effect": "NoExecute", "toleration_seconds": 5}]),
        "i:1",
        cluster,
    )
    assert found["node_selector"] == {"pool": "users", "zone": "b"}
    assert found["tolerations"] == [
        {"key": "users", "operator": "Exists"},
        {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 5},
    ]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("registry.example:5000/lab", "Always"),
        ("registry.example:5000/lab:latest", "Always"),
        ("registry.example:5000/lab:1", "IfNotPresent"),
        ("lab@sha256:abc", "IfNotPresent"),
    ],
)
def test_a_tag_that_moves_is_looked_up_each_time(image: str, policy: str) -> None:
    assert pod_properties(profile(), image, ClusterSettings())["image_pull_policy"] == policy


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({}, None),
        ({"gpu": GPU}, 4 * 2**30),
        ({"gpu": GPU, "shared_memory_bytes": "1Gi"}, 2**30),
        ({"shared_memory_bytes": "2Gi"}, 2 * 2**30),
    ],
)
def test_shared_memory(values: dict[str, Any], size: int | None) -> None:
    assert shared_memory_bytes(profile(**values)) == size


@pytest.mark.parametrize(("number", "text"), [(10 * 2**30, "10Gi"), (1536 * 2**20, "1536Mi"), (2**10, "1Ki"), (1000, "1000")])
def test_sizes_as_kubernetes_writes_them(number: int, text: str) -> None:
    assert quantity(number) == text
