"""What the waiting page says."""

from __future__ import annotations

from labyard_hub.backends.kubernetes.environment import literal, person_environment, project_environment
from labyard_hub.backends.kubernetes.progress import step_of, waiting_step
from labyard_hub.backends.kubernetes.volumes import Mount


def test_events_that_say_something_to_a_person() -> None:
    assert step_of({"reason": "Scheduled", "message": "Successfully assigned team/server-ada to cpu-1"}) == (30, "placed on the node cpu-1")
    pulled = 'Successfully pulled image "x:1" in 12.3s (12.3s including waiting). Image size: 5 bytes.'
    assert step_of({"reason": "Pulled", "message": pulled}) == (70, "image pulled in 12.3s")
    assert step_of({"reason": "Pulled", "message": 'Container image "x:1" already present on machine'}) == (
        70,
        "the node has the image already",
    )
    assert step_of({"reason": "Failed", "message": 'Failed to pull image "x:1": timeout'}) == (
        45,
        "the image could not be pulled, trying again",
    )
    assert step_of({"reason": "Failed", "message": 'Error: secret "x" not found'}) is None
    assert step_of({"reason": "Created", "message": "Container created: notebook"}) is None


def test_waiting_for_a_node() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}
    assert waiting_step({"status": {"conditions": [condition]}}) == (10, "waiting for a node with enough CPU")
    assert waiting_step({"status": {}}) is None


def test_variables() -> None:
    assert literal({"A": "$(HOME) and $HOME"}) == {"A": "$$(HOME) and $HOME"}
    assert person_environment("ada", [Mount("v--p1", "v", writable=True)])["LABYARD_PROJECT_LINKS"] == '{"v": "v--p1"}'
    assert project_environment("v--p1")["LABYARD_TOOL_DATA_DIR"] == "/home/projects/v--p1/tools"
