"""A fake cluster for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_kubernetes.handle import FakeKubernetes, node
from tests.workers import pod_network


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeKubernetes]:
    """A cluster with three nodes, one with GPUs, and a namespace `team`."""
    with FakeKubernetes.started(tmp_path_factory.mktemp("cluster"), network=pod_network()) as running:
        running.create_namespace("team")
        for name in ("cpu-1", "cpu-2"):
            running.create(node(name, resources={"cpu": "4", "memory": "8Gi"}))
        taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
        running.create(node("gpu-1", labels={"gpu": "a100"}, taints=[taint], resources={"nvidia.com/gpu": "2"}))
        yield running
