"""What the fake API keeps and what it refuses, by HTTP and by the client that KubeSpawner uses."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from tests.fake_kubernetes.handle import FakeKubernetes
from tests.platform import wait_until

Item = dict[str, Any]


def pod(name: str, **spec: Any) -> Item:
    container = {"name": "main", "image": "registry.example/image:1", "ports": [{"containerPort": 8888}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "automountServiceAccountToken": False, **spec},
    }


def changed(item: Item, path: str, value: Any) -> Item:
    item = copy.deepcopy(item)
    place: Any = item
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        place = place[part]
    place[last] = value
    return item


def refused(fake: FakeKubernetes, item: Item, namespace: str = "team") -> Item:
    answer = fake.request("POST", f"/api/v1/namespaces/{namespace}/{item['kind'].lower()}s", item)
    assert answer.is_error, answer.text
    status: Item = answer.json()
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", answer.status_code)
    return status


@pytest.mark.parametrize(
    ("path", "value", "code", "message"),
    [
        ("spec.containers.0.comand", ["x"], 400, 'strict decoding error: unknown field "spec.containers[0].comand"'),
        ("spec.hostname", 5, 400, "cannot unmarshal number into Go struct field spec.hostname of type string"),
        ("metadata.name", "With_Capitals", 422, "a lowercase RFC 1123 subdomain"),
        ("metadata.labels", {"user": "a" * 64}, 422, "must be no more than 63 bytes"),
        ("metadata.labels", {"user": "a b"}, 422, "a valid label must be"),
        ("metadata.resourceVersion", "7", 400, "resourceVersion should not be set on objects to be created"),
        ("metadata.namespace", "other", 400, "does not match the namespace sent on the request"),
        ("spec.containers", [], 422, "spec.containers: Required value"),
        ("spec.containers.0.image", "", 422, "spec.containers[0].image: Required value"),
        ("spec.containers.0.volumeMounts", [{"name": "home", "mountPath": "/home"}], 422, 'volumeMounts[0].name: Not found: "home"'),
        ("spec.volumes", [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}], 422, 'Duplicate value: "a"'),
        ("spec.volumes", [{"name": "a", "emptyDir": {}, "secret": {"secretName": "b"}}], 422, "may not specify more than 1 volume type"),
        ("spec.containers.0.env", [{"name": "A=B", "value": "1"}], 422, "a valid environment variable name"),
        ("spec.containers.0.ports", [{"name": "much-too-long-name", "containerPort": 1}], 422, "must be no more than 15 characters"),
        ("spec.containers.0.resources", {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}, 422, "must be less than or equal to cpu limit of 1"),
        ("spec.containers.0.resources", {"requests": {"nvidia.com/gpu": "1"}}, 422, "Limit must be set for non overcommitable resources"),
        ("spec.containers.0.resources", {"limits": {"gpu": "1"}}, 422, "must be a standard resource"),
        ("spec.tolerations", [{"operator": "Exists", "key": "a", "value": "b"}], 422, "value must be empty when `operator` is 'Exists'"),
        ("spec.serviceAccountName", "nobody", 403, 'serviceaccount "nobody" not found'),
        ("spec.priorityClassName", "urgent", 403, "no PriorityClass with name urgent was found"),
    ],
)  # fmt: skip
def test_a_pod_that_a_server_would_refuse_is_refused(fake: FakeKubernetes, path: str, value: Any, code: int, message: str) -> None:
    status = refused(fake, changed(pod("wrong"), path, value))
    assert status["code"] == code
    assert message in status["message"]
    assert "wrong" not in fake.pods("team")


def test_a_sub_path_that_leaves_the_volume_is_refused(fake: FakeKubernetes) -> None:
    item = changed(
        pod("wrong", volumes=[{"name": "v", "emptyDir": {}}]),
        "spec.containers.0.volumeMounts",
        [{"name": "v", "mountPath": "/v", "subPath": "../up"}],
    )
    assert "must not contain '..'" in refused(fake, item)["message"]


def test_a_namespace_that_is_not_there_is_named(fake: FakeKubernetes) -> None:
    status = refused(fake, pod("lost"), "nowhere")
    assert (status["code"], status["reason"], status["message"]) == (404, "NotFound", 'namespaces "nowhere" not found')


def test_a_name_is_taken_once_and_an_object_that_is_gone_is_not_found(fake: FakeKubernetes) -> None:
    made = fake.create(pod("once"), "team")
    assert made["metadata"]["uid"]
    assert made["spec"]["restartPolicy"] == "Always"
    assert refused(fake, pod("once"))["message"] == 'pods "once" already exists'
    fake.delete_pod("team", "once")
    answer = fake.request("GET", "/api/v1/namespaces/team/pods/once")
    assert (answer.status_code, answer.json()["message"]) == (404, 'pods "once" not found')


def test_a_pod_gets_a_token_unless_it_says_no(fake: FakeKubernetes) -> None:
    item = pod("trusting")
    del item["spec"]["automountServiceAccountToken"]
    mounts = fake.create(item, "team")["spec"]["containers"][0]["volumeMounts"]
    assert mounts[0]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    fake.delete_pod("team", "trusting")


def test_what_changed_since_it_was_read_is_not_overwritten(fake: FakeKubernetes) -> None:
    item: Item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    old = fake.create(item, "team")
    path = "/api/v1/namespaces/team/configmaps/settings"
    new = fake.request("PUT", path, changed(old, "data", {"a": "2"})).json()
    assert int(new["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])
    answer = fake.request("PUT", path, changed(old, "data", {"a": "3"}))
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")
    assert "please apply your changes to the latest version" in answer.json()["message"]
    assert fake.request("GET", path).json()["data"] == {"a": "2"}


def test_patches_of_three_kinds(fake: FakeKubernetes) -> None:
    fake.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "patched"}, "data": {"a": "1", "b": "2"}}, "team")
    path = "/api/v1/namespaces/team/configmaps/patched"

    def patch(kind: str, body: Any) -> httpx.Response:
        return fake.request("PATCH", path, body, headers={"Content-Type": f"application/{kind}+json"})

    assert patch("merge-patch", {"data": {"a": None, "c": "3"}}).json()["data"] == {"b": "2", "c": "3"}
    assert patch("json-patch", [{"op": "replace", "path": "/data/b", "value": "4"}]).json()["data"] == {"b": "4", "c": "3"}
    assert patch("json-patch", [{"op": "test", "path": "/data/b", "value": "5"}]).status_code == 422
    assert patch("strategic-merge-patch", {"data": {"b": "6"}}).json()["data"] == {"b": "6", "c": "3"}
    assert patch("apply-patch", {"data": {}}).status_code == 415


def test_what_cannot_be_changed(fake: FakeKubernetes) -> None:
    made = fake.create(pod("fixed"), "team")
    made = wait_until(lambda: (found := fake.pods("team")["fixed"])["status"]["phase"] == "Running" and found, "running")
    answer = fake.request(
        "PUT", "/api/v1/namespaces/team/pods/fixed", changed(made, "spec.containers.0.env", [{"name": "A", "value": "1"}])
    )
    assert answer.status_code == 422
    assert "pod updates may not change fields other than" in answer.json()["message"]
    fake.delete_pod("team", "fixed")
    claim = fake.create(a_claim("home", "2Gi"), "team")
    path = "/api/v1/namespaces/team/persistentvolumeclaims/home"
    claim = wait_until(lambda: (found := fake.request("GET", path).json())["status"]["phase"] == "Bound" and found, "bound")
    assert "spec is immutable" in fake.request("PUT", path, changed(claim, "spec.accessModes", ["ReadWriteMany"])).json()["message"]
    assert "can not be less" in fake.request("PUT", path, changed(claim, "spec.resources.requests.storage", "1Gi")).json()["message"]
    assert fake.request("PUT", path, changed(claim, "spec.resources.requests.storage", "3Gi")).status_code == 200


def a_claim(name: str, size: str) -> Item:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def test_a_claim_stays_until_no_pod_has_it(fake: FakeKubernetes) -> None:
    fake.create(a_claim("held", "1Gi"), "team")
    fake.create(pod("holder", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "held"}}]), "team")
    path = "/api/v1/namespaces/team/persistentvolumeclaims/held"
    fake.request("DELETE", path)
    assert "deletionTimestamp" in fake.request("GET", path).json()["metadata"]
    fake.delete_pod("team", "holder")
    assert fake.request("GET", path).status_code == 404


def test_a_quota_is_kept_and_names_its_figures(fake: FakeKubernetes) -> None:
    fake.create_namespace("small")
    hard = {"limits.cpu": "3", "limits.memory": "2Gi", "persistentvolumeclaims": "1"}
    fake.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": hard}}, "small")
    limited = changed(pod("one"), "spec.containers.0.resources", {"limits": {"cpu": "2", "memory": "1Gi"}})
    fake.create(limited, "small")
    status = refused(fake, changed(limited, "metadata.name", "two"), "small")
    assert status["code"] == 403
    assert (
        status["message"]
        == 'pods "two" is forbidden: exceeded quota: quota, requested: limits.cpu=2, used: limits.cpu=2, limited: limits.cpu=3'
    )
    assert "failed quota: quota: must specify limits.cpu for: main" in refused(fake, pod("three"), "small")["message"]
    fake.create(a_claim("first", "1Gi"), "small")
    assert "exceeded quota: quota, requested: persistentvolumeclaims=1" in refused(fake, a_claim("second", "1Gi"), "small")["message"]


def test_a_restricted_namespace_takes_restricted_pods_only(fake: FakeKubernetes) -> None:
    fake.create_namespace("strict", {"pod-security.kubernetes.io/enforce": "restricted"})
    message = refused(fake, pod("loose"), "strict")["message"]
    assert 'violates PodSecurity "restricted:latest"' in message
    for word in ("allowPrivilegeEscalation != false", "unrestricted capabilities", "runAsNonRoot != true", "seccompProfile"):
        assert word in message
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    fake.create(changed(pod("tight"), "spec.containers.0.securityContext", context), "strict")


def test_lists_by_selectors(fake: FakeKubernetes) -> None:
    for name, tier in (("sel-a", "one"), ("sel-b", "two")):
        fake.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": {"tier": tier}}}, "team")

    def names(**query: str) -> list[str]:
        answer = fake.request("GET", "/api/v1/namespaces/team/secrets", params=query)
        return [item["metadata"]["name"] for item in answer.json()["items"]]

    assert names(labelSelector="tier=one") == ["sel-a"]
    assert names(labelSelector="tier!=one") == ["sel-b"]
    assert names(labelSelector="tier in (one, two),tier") == ["sel-a", "sel-b"]
    assert names(labelSelector="tier notin (one)") == ["sel-b"]
    assert names(labelSelector="!tier") == []
    assert names(fieldSelector="metadata.name=sel-b") == ["sel-b"]
    answer = fake.request("GET", "/api/v1/namespaces/team/secrets", params={"fieldSelector": "data.x=1"})
    assert (answer.status_code, "field label not supported: data.x" in answer.json()["message"]) == (400, True)


def test_paths_that_there_are_not(fake: FakeKubernetes) -> None:
    for path in ("/api/v1/namespaces/team/gadgets", "/api/v1/pods/some", "/apis/apps/v1/deployments", "/other"):
        answer = fake.request("GET", path)
        assert (answer.status_code, answer.json()["message"]) == (404, "the server could not find the requested resource")
    assert fake.request("POST", "/api/v1/pods", pod("x")).status_code == 405


@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_each_supported_version_knows_its_own_fields(version: str) -> None:
    from tests.fake_kubernetes.api import core
    from tests.fake_kubernetes.errors import ApiError
    from tests.fake_kubernetes.schemas import check_schema

    check_schema(core("pods"), pod("x"), version)
    with pytest.raises(ApiError, match="unknown field"):
        check_schema(core("pods"), pod("x", hostName="typo"), version)
