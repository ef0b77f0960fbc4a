"""The real hub with our cluster configuration, on a Kubernetes that is a fake at the HTTP edge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.cluster_world import NAMESPACE, ClusterWorld, start_cluster_world
from tests.platform import open_temporary_folder

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world() -> Iterator[ClusterWorld]:
    with open_temporary_folder() as folder, start_cluster_world(folder) as running:
        yield running


def test_an_owner_gets_a_pod(world: ClusterWorld) -> None:
    answer = world.press_start("ada", "small")
    assert answer.status_code == 200, answer.text
    pod = world.wait_ready("ada")
    assert pod["metadata"]["namespace"] == NAMESPACE
    world.stop_server("ada")
