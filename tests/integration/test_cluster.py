"""The real hub with our cluster configuration, on a Kubernetes that is a fake at the HTTP edge: what a person asks for, what the cluster is asked for, and what they are told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from labyard_hub.storage.identity import IdentityStore
from labyard_lab.running_tools.environment import is_secret
from tests.integration.cluster_world import NAMESPACE, PASSWORD, PROJECTS_CLAIM, ClusterWorld, start_cluster_world
from tests.platform import open_temporary_folder, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

Item = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> Iterator[ClusterWorld]:
    with open_temporary_folder() as folder, start_cluster_world(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_runs_from_before(world: ClusterWorld) -> Iterator[None]:
    """One test that fails must not fail the others."""
    yield
    for name in world.sessions:
        if world.server(name):
            world.stop_server(name)


def container(pod: Item) -> Item:
    assert [one["name"] for one in pod["spec"]["containers"]] == ["notebook"]
    found: Item = pod["spec"]["containers"][0]
    return found


def mounts(pod: Item) -> dict[str, tuple[str, str, bool]]:
    """Return (volume, path inside it, read-only) by mount point."""
    return {one["mountPath"]: (one["name"], one.get("subPath", ""), one.get("readOnly", False)) for one in container(pod)["volumeMounts"]}


def variables(pod: Item) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container(pod)["env"]}


def started(world: ClusterWorld, name: str, profile: str = "small") -> Item:
    answer = world.press_start(name, profile)
    assert "/hub/spawn-pending/" in str(answer.url) or "/user/" in str(answer.url), answer.text
    return world.wait_ready(name)


def started_pod(world: ClusterWorld, name: str) -> Item:
    found: Item = world.fake.pods(NAMESPACE)[f"server-{name}"]
    return found


def failed_page(world: ClusterWorld, name: str) -> str:
    """Return what the page says that a person sees whose start has failed."""
    session = world.sessions[name]

    def look() -> str:
        text = session.http.get(f"hub/spawn-pending/{name}").text
        return text if "did not start" in text else ""

    return str(wait_until(look, f"the start of {name} fails", 60))


@pytest.mark.parametrize(("name", "writable"), [("ada", True), ("bob", True), ("carol", False), ("dan", None)])
def test_a_pod_has_what_its_owner_may_have_and_nothing_else(world: ClusterWorld, name: str, writable: bool | None) -> None:
    pod = started(world, name)
    spec, files = pod["spec"], f"{world.project}/files"
    project = {} if writable is None else {f"/home/projects/{files}": ("projects", files, not writable)}
    assert mounts(pod) == {"/home/labyard": ("home", "", False), "/tmp": ("tmp", "", False), **project}
    claims = {one["name"]: one["persistentVolumeClaim"]["claimName"] for one in spec["volumes"] if "persistentVolumeClaim" in one}
    assert claims == {"home": f"home-{name}", **({"projects": PROJECTS_CLAIM} if project else {})}
    assert [one for one in spec["volumes"] if "persistentVolumeClaim" not in one] == [{"name": "tmp", "emptyDir": {}}]
    assert json.loads(variables(pod)["LABYARD_PROJECT_LINKS"]) == ({} if writable is None else {"vision": world.project})
    home = world.fake.items("persistentvolumeclaims", NAMESPACE)[f"home-{name}"]["spec"]
    assert (home["accessModes"], home["resources"]["requests"]["storage"]) == (["ReadWriteOnce"], "10Gi")


def test_a_pod_is_restricted_limited_and_told_where_things_are(world: ClusterWorld) -> None:
    pod = started(world, "ada")
    spec, main = pod["spec"], container(pod)
    assert main["image"] == "registry.example/labyard-sklearn:1"
    assert main["args"] == ["labyard-singleuser"]
    assert main["resources"] == {
        "limits": {"cpu": 2.0, "memory": str(4 * 2**30)}
        if isinstance(main["resources"]["limits"]["memory"], str)
        else {"cpu": 2.0, "memory": 4 * 2**30},
        "requests": {"cpu": 0.5, "memory": main["resources"]["requests"]["memory"]},
    }
    assert int(main["resources"]["requests"]["memory"]) == 2**30
    assert main["securityContext"] == {
        "runAsUser": 1000, "runAsGroup": 1000, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
    }  # fmt: skip
    assert spec["securityContext"] == {
        "fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch", "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert (spec["automountServiceAccountToken"], spec["serviceAccountName"]) == (False, "test-labyard-singleuser")
    assert (spec["enableServiceLinks"], spec["restartPolicy"], spec["priorityClassName"]) == (
        False,
        "Never",
        world.settings["cluster"]["pods"]["priority_class"],
    )
    labels = pod["metadata"]["labels"]
    assert (labels["app.kubernetes.io/instance"], labels["app.kubernetes.io/component"]) == ("test", "singleuser-server")
    assert labels["labyard.io/profile"] == "small"
    environment = variables(pod)
    assert environment["LABYARD_SERVICE_URL"] == world.environment["LABYARD_SERVICE_URL"]
    assert environment["JUPYTERHUB_API_URL"] == f"{world.environment['LABYARD_HUB_URL']}/hub/api"
    assert environment["LABYARD_MLFLOW_TOKEN"] not in ("", environment["JUPYTERHUB_API_TOKEN"])
    assert {name for name in environment if is_secret(name)} == {"JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "LABYARD_MLFLOW_TOKEN"}
    assert environment["TEAM_MOTTO"] == "cost is $$(NAME)"  # which Kubernetes makes `$(NAME)`
    assert environment["USER"] == "ada"
    assert (environment["LABYARD_PROFILE"], environment["LABYARD_PROJECTS_DIR"]) == ("CPU small", "/home/projects")


def test_a_stopped_server_leaves_no_token(world: ClusterWorld) -> None:
    started(world, "ada")

    def notes() -> list[str]:
        return [str(one["note"]) for one in world.sessions["ada"].hub_api("GET", "users/ada/tokens").json()["api_tokens"]]

    assert notes().count("MLflow in ada/") == 1
    world.stop_server("ada")
    wait_until(lambda: "MLflow in ada/" not in notes(), "the token is gone")


def test_a_gpu_profile_gets_its_gpu_its_node_and_shared_memory(world: ClusterWorld) -> None:
    pod = started(world, "ada", "gpu")
    assert container(pod)["image"] == "registry.example/labyard-pytorch-cuda:1"
    assert container(pod)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["spec"]["nodeName"] == "gpu-1"
    assert pod["spec"]["nodeSelector"] == {"gpu": "a100"}
    assert pod["spec"]["tolerations"] == [
        {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},  # the chart's, for all
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
    ]
    assert {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}} in pod["spec"]["volumes"]
    assert mounts(pod)["/dev/shm"] == ("shared-memory", "", False)
    # One of two is left, and that is what the next person reads before they start.
    page = wait_until(lambda: "1 of 2" in (text := world.sessions["dan"].http.get("hub/spawn/dan").text) and text, "what is free", 20)
    assert "No such image" in page


def test_a_pod_that_fits_nowhere_ends_in_a_sentence(world: ClusterWorld) -> None:
    world.press_start("ada", "huge")
    page = failed_page(world, "ada")
    assert "No node of the cluster has enough CPU free for it." in page
    assert "Choose another profile" in page
    wait_until(lambda: "server-ada" not in world.fake.pods(NAMESPACE), "no pod is left")


def test_an_image_that_there_is_not_ends_in_a_sentence(world: ClusterWorld) -> None:
    world.press_start("ada", "missing")
    page = failed_page(world, "ada")
    assert "The image “registry.example/labyard-tensorflow:1” cannot be had: the registry has none of that name." in page
    assert "Choose another image" in page
    wait_until(lambda: "server-ada" not in world.fake.pods(NAMESPACE), "no pod is left")


def test_a_server_that_ends_at_once_shows_the_end_of_its_log(world: ClusterWorld) -> None:
    world.fake.set_images({"*labyard-sklearn:*": {"exit_code": 3}})
    try:
        world.press_start("ada", "small")
        page = failed_page(world, "ada")
    finally:
        world.fake.set_images({"*labyard-sklearn:*": {}})
    assert "It ended with status 3." in page
    assert "the stub of server-ada is listening" in page
    wait_until(lambda: "server-ada" not in world.fake.pods(NAMESPACE), "no pod is left")


def test_a_quota_of_the_cluster_is_told_with_its_figures(world: ClusterWorld) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": {"limits.cpu": "1"}}}
    world.fake.create(quota, NAMESPACE)
    try:
        world.press_start("ada", "small")
        page = failed_page(world, "ada")
        assert "The quota “team” of the cluster does not allow it: limits.cpu: 2 asked for, 0 of 1 in use." in page
    finally:
        world.fake.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}/resourcequotas/team")


def test_a_quota_of_the_platform_refuses_before_a_pod_is_made(world: ClusterWorld) -> None:
    started(world, "dan")
    session = world.sessions["dan"]
    for name in ("second", "third"):
        answer = session.http.post("hub/spawn/dan", data={"profile": "small", "new": "1", "name": name, "_xsrf": session.xsrf})
    assert answer.status_code >= 400
    assert "2" in answer.text
    assert "server-dan--third" not in world.fake.pods(NAMESPACE)
    session.hub_api("DELETE", "users/dan/servers/second")
    world.stop_server("dan")


def test_what_happens_is_told_while_one_waits(world: ClusterWorld) -> None:
    world.fake.set_images({"*labyard-sklearn:*": {"pull_seconds": 2}})
    try:
        world.press_start("bob", "small")
        session = world.sessions["bob"]
        with session.http.stream("GET", "hub/api/users/bob/server/progress", headers={"X-XSRFToken": session.xsrf}) as stream:
            told = [json.loads(line.removeprefix("data:"))["message"] for line in stream.iter_lines() if line.startswith("data:")]
    finally:
        world.fake.set_images({"*labyard-sklearn:*": {}})
    steps = " | ".join(told)
    for words in ("placed on the node cpu-1", "pulling the image", "image pulled in 2s", "starting JupyterLab"):
        assert words in steps, steps
    world.wait_ready("bob")


def test_out_of_memory_is_noticed_and_told(world: ClusterWorld) -> None:
    started(world, "carol")
    world.fake.kill(NAMESPACE, "server-carol", "OOMKilled", 137)
    wait_until(lambda: not world.server("carol"), "the hub notices", 90)
    page = world.sessions["carol"].http.get("hub/home").text
    assert "It needed more memory than its profile allows" in page
    wait_until(lambda: "server-carol" not in world.fake.pods(NAMESPACE), "the pod is removed")


def test_a_hub_that_is_killed_comes_back_and_keeps_its_servers(world: ClusterWorld) -> None:
    before = started(world, "ada")
    world.kill("hub")
    # The person's way to their server goes on without the hub.
    address = f"http://{before['status']['podIP']}:8888/user/ada/api"
    assert httpx.get(address, trust_env=False).json()["pod"] == "server-ada"
    world.start_hub()
    wait_until(lambda: world.server("ada").get("ready"), "the server is ready", 60)
    assert world.fake.pods(NAMESPACE)["server-ada"]["metadata"]["uid"] == before["metadata"]["uid"]
    answer = world.sessions["ada"].http.get("user/ada/api")
    assert answer.json()["pod"] == "server-ada"
    world.fake.delete_pod(NAMESPACE, "server-ada")
    wait_until(lambda: not world.server("ada"), "a pod that was deleted behind the hub's back is noticed", 90)


def test_a_project_s_own_server_has_the_project_and_nobody_s_home(world: ClusterWorld) -> None:
    world.call("bob", "POST", "projects/vision/server")
    wait_until(lambda: world.call("bob", "GET", "projects/vision/server")["state"] == "running", "the project's server", 60)
    pod = next(pod for name, pod in world.fake.pods(NAMESPACE).items() if name.startswith("server-vision"))
    name = world.project
    assert mounts(pod) == {
        "/home/labyard": ("projects", f"{name}/home", False), f"/home/projects/{name}/files": ("projects", f"{name}/files", False),
        f"/home/projects/{name}/tools": ("projects", f"{name}/tools", False), "/tmp": ("tmp", "", False),
    }  # fmt: skip
    environment = variables(pod)
    assert (environment["LABYARD_PROJECT"], environment["JUPYTERHUB_ROOT_DIR"]) == (name, f"/home/projects/{name}/files")
    assert not any(claim.startswith("home-vision") for claim in world.fake.items("persistentvolumeclaims", NAMESPACE))
    world.call("bob", "DELETE", "projects/vision/server", 204)


def test_who_is_removed_or_may_only_read_now_loses_the_folder_in_a_running_pod(world: ClusterWorld) -> None:
    uids = {name: started(world, name)["metadata"]["uid"] for name in ("ada", "bob", "carol")}
    world.call("ada", "PATCH", "projects/vision/members/bob", 200, {"role": "viewer"})
    # The answer comes when the pod is gone.
    assert "server-bob" not in world.fake.pods(NAMESPACE)
    assert "your role in the project “vision” has changed" in world.sessions["bob"].http.get("hub/home").text
    stopped = world.sessions["bob"].http.get("hub/user/bob/lab").text
    assert "your role in the project “vision” has changed" in stopped
    assert "nobody used it" not in stopped
    files = f"{world.project}/files"
    assert mounts(started(world, "bob"))[f"/home/projects/{files}"] == ("projects", files, True)
    world.call("ada", "DELETE", "projects/vision/members/carol", 204)
    assert "server-carol" not in world.fake.pods(NAMESPACE)
    assert f"/home/projects/{files}" not in mounts(started(world, "carol"))
    # Whoever gains something keeps their pod, and has it from the next start on.
    before = world.fake.pods(NAMESPACE)["server-bob"]["metadata"]["uid"]
    world.call("ada", "PATCH", "projects/vision/members/bob", 200, {"role": "editor"})
    assert world.fake.pods(NAMESPACE)["server-bob"]["metadata"]["uid"] == before
    assert "You may do more in a project" in world.sessions["bob"].http.get("hub/home").text
    assert "You may do more in a project" not in world.sessions["ada"].http.get("hub/home").text
    assert world.fake.pods(NAMESPACE)["server-ada"]["metadata"]["uid"] == uids["ada"]
    # Nobody writes to what is archived.
    world.call("ada", "POST", "projects/vision/archive")
    assert "server-ada" not in world.fake.pods(NAMESPACE)
    assert "server-bob" in world.fake.pods(NAMESPACE)
    world.call("ada", "POST", "projects/vision/restore")
    for name in ("bob", "carol"):
        world.stop_server(name)


def test_where_the_service_does_not_say_who_is_in_which_project_nothing_starts(world: ClusterWorld) -> None:
    world.kill("service")
    world.press_start("bob", "small")
    assert "Which projects you are in cannot be looked up at the moment" in failed_page(world, "bob")
    assert "server-bob" not in world.fake.pods(NAMESPACE)
    world.start("service", "-m", "labyard_hub.cluster", "service")
    world.wait_for("service", f"{world.environment['LABYARD_SERVICE_URL']}api/v1/health")


def test_a_pod_that_a_forgetful_hub_left_behind_is_replaced(world: ClusterWorld) -> None:
    pod = started(world, "ada")
    world.stop_server("ada")
    kept = {key: pod["metadata"][key] for key in ("name", "labels", "annotations")}
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    left = world.fake.create({"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": spec}, NAMESPACE)
    wait_until(lambda: world.fake.pods(NAMESPACE)["server-ada"]["status"]["phase"] == "Running", "the one left behind runs")
    assert started(world, "ada")["metadata"]["uid"] != left["metadata"]["uid"]


def test_what_a_removed_person_had_is_not_the_next_one_s(world: ClusterWorld) -> None:
    world.call("ada", "POST", "projects/vision/members", 201, {"user": "dan", "role": "viewer"})
    before = world.call("dan", "GET", "authorize")
    assert before["workspace"] == "dan"
    assert set(before["workspaces"]) == {"dan", world.project}
    started(world, "dan")
    world.stop_server("dan")
    assert "home-dan" in world.fake.items("persistentvolumeclaims", NAMESPACE)
    home = world.fake.items("persistentvolumeclaims", NAMESPACE)["home-dan"]
    assert world.sessions["ada"].hub_api("DELETE", "users/dan").status_code == 204
    IdentityStore(world.state.identity_database).add_user("dan", PASSWORD)
    world.sessions["dan"].http.close()
    world.sign_in("dan")
    # At once, and as soon as the service knows them: nobody waits for it to look for the gone.
    after = world.call("dan", "GET", "authorize")
    assert after["workspace"].startswith("dan--")
    assert list(after["workspaces"]) == [after["workspace"]]
    world.kill("service")
    world.start("service", "-m", "labyard_hub.cluster", "service")
    world.wait_for("service", f"{world.environment['LABYARD_SERVICE_URL']}api/v1/health")
    assert world.call("dan", "GET", "authorize") == after
    # The home is kept, and is not the next person's.
    started(world, "dan")
    claims = world.fake.items("persistentvolumeclaims", NAMESPACE)
    assert claims["home-dan"]["metadata"]["uid"] == home["metadata"]["uid"]
    assert {volume["name"]: volume for volume in started_pod(world, "dan")["spec"]["volumes"]}["home"]["persistentVolumeClaim"] == {
        "claimName": "home-dan--2"
    }
    world.stop_server("dan")
    # It is for the service: people are not told who was here.
    assert world.sessions["ada"].hub_api("GET", "labyard/generations").status_code == 403


def command(world: ClusterWorld, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `labyard` as in the hub's pod."""
    program = [Path(sys.executable).with_name("labyard"), *arguments]
    return subprocess.run(program, env={**world.environment, "LABYARD_RELEASE": "test"}, capture_output=True, text=True, check=False)


def test_a_removed_person_is_listed_and_comes_back_by_one_command(world: ClusterWorld) -> None:
    IdentityStore(world.state.identity_database).add_user("eva", PASSWORD)
    world.sign_in("eva")
    started(world, "eva")
    world.stop_server("eva")
    claim = world.fake.items("persistentvolumeclaims", NAMESPACE)["home-eva"]
    removing = command(world, "user", "remove", "eva", "--yes")
    assert removing.returncode == 0, removing.stderr
    listed = json.loads(command(world, "user", "removed", "--json").stdout)
    [eva] = [one for one in listed if one["name"] == "eva"]
    assert (eva["home"], eva["size"], eva["generation"]) == ("home-eva", "10Gi", 0)
    assert eva["removed_at"] < eva["ends_at"]
    assert "home-eva" in command(world, "user", "removed").stdout
    row = re.search(r"<tr>\s*<th scope=\"row\">eva</th>.*?</tr>", world.sessions["ada"].http.get("hub/admin/removed").text, re.DOTALL)
    assert row is not None
    assert all(text in row[0] for text in ("just now", "10Gi", "in 30 d", "Restore"))
    # Another person of the name keeps what is theirs.
    IdentityStore(world.state.identity_database).add_user("eva", PASSWORD)
    refused = command(world, "user", "restore", "eva")
    assert refused.returncode != 0
    assert "Another person is called eva now" in refused.stderr
    IdentityStore(world.state.identity_database).remove_user("eva")
    restored = command(world, "user", "restore", "eva")
    assert restored.returncode == 0, restored.stderr
    assert "labyard user invite eva" in restored.stderr
    IdentityStore(world.state.identity_database).add_user("eva", PASSWORD)
    world.sessions["eva"].http.close()
    world.sign_in("eva")
    assert world.call("eva", "GET", "authorize")["workspace"] == "eva"
    started(world, "eva")
    assert world.fake.items("persistentvolumeclaims", NAMESPACE)["home-eva"]["metadata"]["uid"] == claim["metadata"]["uid"]
    again = command(world, "user", "restore", "eva")
    assert "Nobody called eva was removed" in again.stderr


def test_a_home_that_never_had_a_volume_is_told_truly_and_made_again(world: ClusterWorld) -> None:
    IdentityStore(world.state.identity_database).add_user("fay", PASSWORD)
    world.sign_in("fay")
    labels = {"component": "singleuser-storage", "hub.jupyter.org/username": "fay"}
    wrong = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "home-fay", "labels": labels, "annotations": {"hub.jupyter.org/username": "fay"}},
        "spec": {"storageClassName": "nosuch", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
    }  # fmt: skip
    made = world.fake.create(wrong, NAMESPACE)
    wait_until(lambda: world.fake.items("events", NAMESPACE), "the cluster has said that there is no such class")
    pod = started(world, "fay")
    claim = world.fake.items("persistentvolumeclaims", NAMESPACE)["home-fay"]
    assert claim["metadata"]["uid"] != made["metadata"]["uid"]
    assert "storageClassName" not in claim["spec"]
    assert next(one for one in pod["spec"]["volumes"] if one["name"] == "home")["persistentVolumeClaim"]["claimName"] == "home-fay"


def test_an_added_profile_is_offered_without_a_restart(world: ClusterWorld) -> None:
    hub, file = world.processes["hub"], world.folder / "config.yaml"
    settings = world.settings
    more = {"name": "added", "title": "Added today", "cpu_cores": 1, "memory_bytes": "1Gi", "images": ["sklearn"]}
    file.write_text(yaml.safe_dump({**settings, "profiles": [*settings["profiles"], more]}))
    started(world, "bob", "added")
    assert world.fake.pods(NAMESPACE)["server-bob"]["metadata"]["labels"]["labyard.io/profile"] == "added"
    assert world.processes["hub"] is hub
    assert hub.poll() is None
    file.write_text(yaml.safe_dump(settings))
