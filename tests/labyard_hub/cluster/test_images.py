"""Worth: the hook waits for the nodes, and for no longer than it must."""

from __future__ import annotations

from labyard_hub.cluster.images import PATIENCE, Progress, await_images


def waits(*steps: Progress | OSError) -> tuple[int, list[str], int]:
    left, said, slept = list(steps), [], []

    def read(_: str, __: str) -> Progress:
        step = left.pop(0)
        if isinstance(step, OSError):
            raise step
        return step

    status = await_images("puller", "lab", read=read, sleep=slept.append, say=said.append)
    return status, said, len(slept)


def test_it_waits_until_all_nodes_have_the_images() -> None:
    status, said, slept = waits(Progress(0, 0, seen=False), Progress(1, 3, seen=True), Progress(1, 3, seen=True), Progress(3, 3, seen=True))
    assert status == 0
    assert said == ["0 of 0 nodes have the images", "1 of 3 nodes have the images", "3 nodes have the images"]
    assert slept == 3


def test_without_fitting_nodes_there_is_nothing_to_wait_for() -> None:
    assert waits(Progress(0, 0, seen=True))[0] == 0


def test_an_api_server_that_is_away_for_a_while_is_borne_and_for_ever_is_not() -> None:
    assert waits(*[OSError("away")] * PATIENCE, Progress(1, 1, seen=True))[0] == 0
    status, said, _ = waits(*[OSError("away")] * (PATIENCE + 1))
    assert status == 1
    assert "away" in said[-1]
