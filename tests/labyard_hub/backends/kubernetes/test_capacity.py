"""How many more servers find room."""

from __future__ import annotations

from typing import Any

from labyard_hub.backends.kubernetes.capacity import count_places
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings
from tests.fake_kubernetes.handle import node

CLUSTER = ClusterSettings(instance="lab")
GPU_TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
SMALL = ProfileSettings.model_validate({"name": "small", "cpu_guarantee_cores": 1, "memory_guarantee_bytes": "2Gi", "memory_bytes": "4Gi"})
GPU = ProfileSettings.model_validate(
    {
        "name": "gpu",
        "gpu": {"count": 2},
        "memory_bytes": "4Gi",
        "node_selector": {"kind": "gpu"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }
)
NODES = [
    node("a", resources={"cpu": "4", "memory": "6Gi"}),
    node("b", resources={"cpu": "2500m", "memory": "32Gi"}),
    node("g", labels={"kind": "gpu"}, taints=[GPU_TAINT], resources={"nvidia.com/gpu": "4"}),
]


def a_pod(where: str, *, ours: str = "", phase: str = "Running", **requests: str) -> dict[str, Any]:
    labels = {"component": "singleuser-server", "app.kubernetes.io/instance": "lab", "labyard.io/profile": ours} if ours else {}
    spec = {"nodeName": where, "containers": [{"resources": {"requests": requests}}]}
    return {"metadata": {"labels": labels}, "spec": spec, "status": {"phase": phase}}


def test_an_empty_cluster() -> None:
    # Memory decides on a, CPU on b.
    assert count_places([SMALL, GPU], NODES, [], CLUSTER) == {"small": (5, 5, 0), "gpu": (2, 2, 0)}


def test_what_others_take_is_taken_and_what_ours_take_would_come_back() -> None:
    pods = [
        a_pod("a", memory="2Gi", cpu="100m"),
        a_pod("b", ours="small", cpu="1", memory="2Gi"),
        a_pod("g", ours="gpu", **{"nvidia.com/gpu": "2"}),
    ]
    assert count_places([SMALL, GPU], NODES, pods, CLUSTER) == {"small": (3, 4, 0), "gpu": (1, 2, 0)}


def test_who_waits_is_counted_and_who_has_ended_is_not() -> None:
    pods = [a_pod("", ours="gpu", phase="Pending"), a_pod("a", ours="small", phase="Succeeded", cpu="4", memory="6Gi")]
    assert count_places([SMALL, GPU], NODES, pods, CLUSTER) == {"small": (5, 5, 0), "gpu": (2, 2, 1)}


def test_nodes_that_take_nothing() -> None:
    cordoned = node("c")
    cordoned["spec"]["unschedulable"] = True
    ill = node("d")
    ill["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    assert count_places([SMALL], [cordoned, ill], [], CLUSTER) == {"small": (0, 0, 0)}


def test_a_quantity_that_nobody_can_read_is_nothing() -> None:
    assert count_places([SMALL], [node("a", resources={"cpu": "lots"})], [], CLUSTER) == {"small": (0, 0, 0)}
