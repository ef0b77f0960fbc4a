"""The life of pods in the fake cluster: where they go, what is said of them, how they end."""

from __future__ import annotations

from typing import Any

import httpx

from tests.fake_kubernetes.handle import FakeKubernetes
from tests.fake_kubernetes.test_objects import changed, pod
from tests.platform import wait_until


def events(fake: FakeKubernetes, name: str) -> list[tuple[str, str]]:
    items = fake.items("events", "team").values()
    mine = [item for item in items if item["involvedObject"]["name"] == name]
    return [(item["reason"], item["message"]) for item in sorted(mine, key=lambda item: int(item["metadata"]["resourceVersion"]))]


def phase(fake: FakeKubernetes, name: str, wanted: str) -> dict[str, Any]:
    found: dict[str, Any] = wait_until(lambda: (one := fake.pods("team")[name])["status"]["phase"] == wanted and one, f"{name} {wanted}")
    return found


def waiting(fake: FakeKubernetes, name: str, reason: str) -> str:
    def look() -> str:
        for status in fake.pods("team")[name]["status"].get("containerStatuses", ()):
            state = status["state"].get("waiting", {})
            if state.get("reason") == reason:
                return str(state.get("message", "-"))
        return ""

    return str(wait_until(look, f"{name} waits for {reason}"))


def test_a_pod_is_placed_and_answers_on_its_own_address(fake: FakeKubernetes) -> None:
    fake.set_images({"registry.example/slow:*": {"pull_seconds": 0.2}})
    fake.create(changed(pod("life", restartPolicy="Never"), "spec.containers.0.image", "registry.example/slow:1"), "team")
    running = phase(fake, "life", "Running")
    assert running["status"]["containerStatuses"][0]["ready"]
    assert httpx.get(f"http://{running['status']['podIP']}:8888/user/ada/api", trust_env=False).json()["pod"] == "life"
    told = events(fake, "life")
    assert [reason for reason, _ in told] == ["Scheduled", "Pulling", "Pulled", "Created", "Started"]
    assert told[0][1].startswith("Successfully assigned team/life to cpu-")
    assert told[2][1].startswith('Successfully pulled image "registry.example/slow:1" in 0.2s')
    fake.delete_pod("team", "life", grace_seconds=5)
    wait_until(lambda: "life" not in fake.pods("team"), "gone")
    assert events(fake, "life")[-1][0] == "Killing"


def test_a_pod_that_fits_nowhere_is_told_why_and_goes_once_there_is_room(fake: FakeKubernetes) -> None:
    big = changed(pod("big"), "spec.containers.0.resources", {"limits": {"cpu": "4", "memory": "1Gi"}})
    for name in ("big-1", "big-2", "big-3"):
        fake.create(changed(big, "metadata.name", name), "team")
    wanted = (
        "0/3 nodes are available: 1 node(s) had untolerated taint {nvidia.com/gpu: present}, 2 Insufficient cpu. "
        "preemption: 0/3 nodes are available: 2 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    )
    left = wait_until(
        lambda: [
            name
            for name, one in fake.pods("team").items()
            if name.startswith("big-") and one["status"].get("conditions") and not one["spec"].get("nodeName")
        ],
        "one waits",
    )
    condition = fake.pods("team")[left[0]]["status"]["conditions"][0]
    assert (condition["reason"], condition["message"]) == ("Unschedulable", wanted)
    assert ("FailedScheduling", wanted) in events(fake, left[0])
    fake.delete_pod("team", next(name for name in ("big-1", "big-2", "big-3") if name not in left))
    phase(fake, left[0], "Running")
    for name in fake.pods("team"):
        if name.startswith("big-"):
            fake.delete_pod("team", name)


def test_gpus_selectors_and_taints(fake: FakeKubernetes) -> None:
    wants = changed(pod("gpu"), "spec.containers.0.resources", {"limits": {"nvidia.com/gpu": "2"}})
    wants["spec"] |= {
        "nodeSelector": {"gpu": "a100"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    fake.create(wants, "team")
    assert phase(fake, "gpu", "Running")["spec"]["nodeName"] == "gpu-1"
    fake.create(changed(wants, "metadata.name", "gpu-too"), "team")
    wait_until(
        lambda: any(
            "1 Insufficient nvidia.com/gpu, 2 node(s) didn't match Pod's node affinity/selector" in message
            for _, message in events(fake, "gpu-too")
        ),
        "told",
    )
    for name in ("gpu", "gpu-too"):
        fake.delete_pod("team", name)


def test_a_claim_that_is_not_there(fake: FakeKubernetes) -> None:
    fake.create(pod("homeless", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "none"}}]), "team")
    wait_until(lambda: any('persistentvolumeclaim "none" not found' in message for _, message in events(fake, "homeless")), "told")
    fake.delete_pod("team", "homeless")


def test_an_image_that_there_is_not(fake: FakeKubernetes) -> None:
    fake.set_images({"registry.example/none:*": {"missing": True}})
    fake.create(changed(pod("imageless"), "spec.containers.0.image", "registry.example/none:1"), "team")
    assert "registry.example/none:1: not found" in waiting(fake, "imageless", "ErrImagePull")
    assert waiting(fake, "imageless", "ImagePullBackOff").startswith('Back-off pulling image "registry.example/none:1"')
    assert fake.pods("team")["imageless"]["status"]["phase"] == "Pending"
    fake.delete_pod("team", "imageless")


def test_a_secret_that_is_not_there_yet(fake: FakeKubernetes) -> None:
    variable = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "later", "key": "key"}}}
    fake.create(changed(pod("secretless"), "spec.containers.0.env", [variable]), "team")
    assert waiting(fake, "secretless", "CreateContainerConfigError") == 'secret "later" not found'
    fake.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"}, "stringData": {"key": "x"}}, "team")
    phase(fake, "secretless", "Running")
    fake.delete_pod("team", "secretless")


def test_out_of_memory_ends_a_pod_that_is_not_started_again(fake: FakeKubernetes) -> None:
    fake.create(pod("greedy", restartPolicy="Never"), "team")
    phase(fake, "greedy", "Running")
    fake.kill("team", "greedy")
    status = phase(fake, "greedy", "Failed")["status"]["containerStatuses"][0]
    assert (status["state"]["terminated"]["reason"], status["state"]["terminated"]["exitCode"]) == ("OOMKilled", 137)
    fake.delete_pod("team", "greedy")


def test_a_pod_that_is_started_again_comes_back(fake: FakeKubernetes) -> None:
    fake.create(pod("stubborn", restartPolicy="OnFailure"), "team")
    phase(fake, "stubborn", "Running")
    fake.kill("team", "stubborn", reason="Error", code=1)
    wait_until(
        lambda: (status := fake.pods("team")["stubborn"]["status"]["containerStatuses"][0])["restartCount"] == 1 and status["ready"],
        "again",
    )
    assert fake.pods("team")["stubborn"]["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
    fake.delete_pod("team", "stubborn")


def test_what_a_container_has_written_can_be_read(fake: FakeKubernetes) -> None:
    fake.create(pod("chatty"), "team")
    phase(fake, "chatty", "Running")
    assert (
        fake.request("GET", "/api/v1/namespaces/team/pods/chatty/log", params={"tailLines": "5"}).text
        == "the stub of chatty is listening\n"
    )
    fake.delete_pod("team", "chatty")
