"""What a person is told of a pod that does not start, from the words of Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from labyard_hub.backends.kubernetes.failures import UNBOUND, Problem, ended_problem, refusal, start_problem, unbound_problem

Item = dict[str, Any]


def waiting(reason: str, message: str = "") -> Item:
    state = {"waiting": {"reason": reason, "message": message}}
    status = {"phase": "Pending", "containerStatuses": [{"name": "notebook", "state": state}]}
    return {"spec": {"nodeName": "n", "containers": [{"name": "notebook", "image": "r.example/x:1"}]}, "status": status}


def unplaced(message: str) -> Item:
    return {
        "spec": {},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}],
        },
    }


def ended(**state: Any) -> Item:
    return {"status": {"phase": "Failed", "containerStatuses": [{"name": "notebook", "state": {"terminated": state}}]}}


def problem(pod: Item, events: tuple[Item, ...] = (), waited: float = 0) -> Problem | None:
    return start_problem(pod, events, waited_seconds=waited, schedule_seconds=60, pull_seconds=600)


FULL = "0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."


def test_a_full_cluster_is_waited_for_and_then_told() -> None:
    assert problem(unplaced(FULL), waited=59) is None
    assert problem(unplaced(FULL), waited=60) == Problem("unschedulable", "No node of the cluster has enough CPU and memory free for it.")


def test_a_cluster_that_says_it_will_not_grow_is_not_waited_for() -> None:
    found = problem(unplaced(FULL), ({"reason": "NotTriggerScaleUp", "message": "pod didn't trigger scale-up"},))
    assert found is not None
    assert found.code == "unschedulable"
    assert problem(unplaced(FULL), ({"reason": "NotTriggerScaleUp"}, {"reason": "TriggeredScaleUp"})) is None


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: ...", "unschedulable", "None of the cluster's 2 nodes is of the kind"),
        ('0/2 nodes are available: persistentvolumeclaim "home-ada" not found.', "volume", "volume “home-ada” is not there"),
        ("0/2 nodes are available: 2 node(s) had volume node affinity conflict.", "volume", "bound to a node, or a zone"),
        ("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", "unschedulable", "enough nvidia.com/gpu free"),
        ("no nodes available to schedule pods", "unschedulable", "No node of the cluster takes it: no nodes available"),
    ],
)  # fmt: skip
def test_why_no_node_takes_it(message: str, code: str, words: str) -> None:
    found = problem(unplaced(message), waited=100)
    assert found is not None
    assert (found.code, words in found.sentence) == (code, True), found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rpc error: code = NotFound desc = r.example/x:1: not found", "the registry has none of that name"),
        ("manifest unknown", "the registry has none of that name"),
        ("pull access denied, repository does not exist or may require authorization", "the registry has none of that name"),
        ("401 Unauthorized", "the registry does not let the cluster have it"),
        ("write /var/lib: no space left on device", "the node's disk is full"),
        ("dial tcp: lookup r.example: no such host", "the registry cannot be reached"),
        ("something new", "something new"),
    ],
)
def test_why_an_image_cannot_be_had(text: str, why: str) -> None:
    assert problem(waiting("ImagePullBackOff", text)) == Problem("image_pull", f"The image “r.example/x:1” cannot be had: {why}.")


def test_one_failed_pull_may_be_followed_by_a_better_one() -> None:
    assert problem(waiting("ErrImagePull", "i/o timeout")) is None
    assert problem(waiting("ErrImagePull", "not found")) is not None


def test_a_container_that_cannot_be_made() -> None:
    found = problem(waiting("CreateContainerConfigError", 'secret "x" not found'))
    assert found == Problem(
        "rejected", 'The cluster cannot make its container (CreateContainerConfigError): secret "x" not found. Tell an administrator.'
    )


def test_what_takes_too_long_is_said_to_do_so() -> None:
    assert problem(waiting("ContainerCreating"), waited=659) is None
    assert problem(waiting("ContainerCreating"), waited=660) == Problem("timeout", "It did not pull its image within 660 s.")
    found = problem(
        waiting("ContainerCreating"), ({"reason": "FailedMount", "message": "MountVolume.SetUp failed: exit status 32."},), waited=700
    )
    assert found == Problem("volume", "A volume of it could not be mounted within 700 s: MountVolume.SetUp failed: exit status 32.")


def test_how_a_pod_has_ended() -> None:
    assert ended_problem(ended(reason="OOMKilled", exitCode=137), "4 GiB") == Problem(
        "out_of_memory", "It needed more memory than its profile allows (4 GiB), and was ended."
    )
    assert ended_problem(ended(reason="Error", exitCode=3)) == Problem("ended", "It ended with status 3.")
    evicted = ended_problem(
        {"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage. "}}
    )
    assert evicted == Problem("evicted", "Its node ran short of something and put it out: The node was low on resource: ephemeral-storage.")
    assert ended_problem({"status": {"phase": "Running"}}) is None
    assert (
        ended_problem({"status": {"phase": "Failed", "containerStatuses": [{"name": "sidecar", "state": {"terminated": {"exitCode": 1}}}]}})
        is not None
    )


def test_refusals() -> None:
    quota = 'pods "x" is forbidden: exceeded quota: team, requested: limits.cpu=2,pods=1, used: limits.cpu=3,pods=4, limited: limits.cpu=4,pods=4'
    wanted = "The quota “team” of the cluster does not allow it: limits.cpu: 2 asked for, 3 of 4 in use; pods: 1 asked for, 4 of 4 in use."
    assert refusal(403, quota) == Problem("quota", wanted)
    assert "security policy" in refusal(403, 'violates PodSecurity "restricted:latest": runAsNonRoot != true').sentence
    assert refusal(422, "Pod is invalid: spec.x: Required value") == Problem(
        "rejected", "The cluster could not make it (status 422): Pod is invalid: spec.x: Required value. Tell an administrator."
    )
    assert len(refusal(403, "x" * 1000).sentence) < 350


def test_a_claim_without_a_volume_is_told_with_its_class_and_the_cluster_s_word() -> None:
    event = {"type": "Warning", "reason": "ProvisioningFailed", "message": 'storageclass.storage.k8s.io "nosuch" not found'}
    problem = unbound_problem("home-ada", "nosuch", [event])
    assert problem.code == "volume"
    assert problem.sentence == (
        'The cluster has not made its volume “home-ada”. It asks for the storage class “nosuch”: storageclass.storage.k8s.io "nosuch" not found.'
    )
    assert "default storage class" in unbound_problem("home-ada", None, []).sentence


@pytest.mark.parametrize(
    "words", ["pod has unbound immediate PersistentVolumeClaims", "3 node(s) didn't find available persistent volumes to bind"]
)
def test_a_claim_that_cannot_be_bound_is_no_lack_of_nodes(words: str) -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": f"0/3 nodes are available: {words}."}
    pod = {"spec": {}, "status": {"phase": "Pending", "conditions": [condition]}}
    problem = start_problem(pod, [], waited_seconds=9, schedule_seconds=5, pull_seconds=5)
    assert problem is not None
    assert (problem.code, problem.sentence) == ("volume", UNBOUND)
