"""Worth: no pod has more rights than it needs, everything that is named exists, people's pods are closed to one another and to the metadata address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helm import chart

everywhere = pytest.mark.parametrize("name", chart.NAMES)

MADE_ELSEWHERE = {
    "Secret": {"labyard-database", "labyard-artifacts", "labyard-login", "labyard-tls", "artifacts", "other", "registry"},
    "ConfigMap": {"database-ca"},
}
"""What the value files say that the operator makes."""

PROBE_FREE = {"check": "it ends", "waiter": "it ends", "idle": "it sleeps"}


@everywhere
def test_pods_have_no_privilege(name: str) -> None:
    for title, pod in chart.pods(chart.objects_of(name)):
        spec = pod["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, title
        assert security["runAsUser"] > 0, title
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, title
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec), title
        assert spec["automountServiceAccountToken"] is (title in ("Deployment lab-hub", "Deployment labyard-hub", "Job lab-hook-waiter")), (
            title
        )
        assert spec["enableServiceLinks"] is False, title
        assert not any("hostPath" in volume for volume in spec.get("volumes", [])), title
        for one in chart.containers(pod):
            inside = one["securityContext"]
            assert inside["allowPrivilegeEscalation"] is False, (title, one["name"])
            assert inside["readOnlyRootFilesystem"] is True, (title, one["name"])
            assert inside["capabilities"] == {"drop": ["ALL"]}, (title, one["name"])
            assert not inside.get("privileged"), (title, one["name"])


@everywhere
def test_containers_have_resources_and_probes(name: str) -> None:
    for title, pod in chart.pods(chart.objects_of(name)):
        for one in chart.containers(pod):
            assert one["resources"]["requests"].keys() >= {"cpu", "memory"}, (title, one["name"])
            assert "memory" in one["resources"]["limits"], (title, one["name"])
        running = [one for one in chart.containers(pod) if one in pod["spec"]["containers"] or one.get("restartPolicy") == "Always"]
        for one in running:
            if one["name"] not in PROBE_FREE:
                assert {"startupProbe", "livenessProbe", "readinessProbe"} <= one.keys(), (title, one["name"])
            ports = {port["name"] for port in one.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                request = one.get(probe, {}).get("httpGet") or one.get(probe, {}).get("tcpSocket")
                assert request is None or request["port"] in ports, (title, one["name"], probe)


@everywhere
def test_images_have_a_fixed_version(name: str) -> None:
    for title, pod in chart.pods(chart.objects_of(name)):
        for one in chart.containers(pod):
            image = one["image"]
            tag = image.rpartition("/")[2].partition(":")[2]
            assert "@sha256:" in image or (tag and tag != "latest"), (title, image)


def rules_of(found: list[chart.Object]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in chart.of_kind(found, "Role", "ClusterRole"):
        for rule in one["rules"]:
            yield chart.title(one), rule


@everywhere
def test_rights_are_the_least_that_works(name: str) -> None:
    allowed = {
        "Role {}-hub": {"pods": {"get", "list", "watch", "create", "delete"}, "persistentvolumeclaims": {"get", "list", "create", "patch", "delete"}, "events": {"get", "list", "watch"}, "pods/log": {"get"}},
        "Role {}-hook-waiter": {"daemonsets": {"get"}},
        "ClusterRole lab-{}-capacity": {"nodes": {"list"}, "pods": {"list"}},
    }  # fmt: skip
    fullname = chart.read_values(name).get("fullnameOverride", "labyard")
    known = {key.format(fullname): rights for key, rights in allowed.items()}
    for title, rule in rules_of(chart.objects_of(name)):
        for resource in rule["resources"]:
            assert set(rule["verbs"]) <= known[title][resource], (title, resource)
    bound = chart.of_kind(chart.objects_of(name), "RoleBinding", "ClusterRoleBinding")
    assert {subject["name"] for one in bound for subject in one["subjects"]} <= {f"{fullname}-hub", f"{fullname}-hook-waiter"}
    assert {one["kind"] for one in bound} == (
        {"RoleBinding", "ClusterRoleBinding"} if "gpu" in name or "every" in name else {"RoleBinding"}
    )


def test_without_rbac_no_role_is_made() -> None:
    found = chart.objects(chart.render({"rbac": {"create": False, "clusterCapacity": True}}))
    assert chart.of_kind(found, "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding") == []


def labels_match(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def pod_labels(found: list[chart.Object], release: str = "labyard") -> dict[str, dict[str, str]]:
    """Return the labels of all pods by component, people's included, whose labels the spawner sets."""
    labels = {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod["metadata"]["labels"] for _, pod in chart.pods(found)}
    base = {"app.kubernetes.io/name": "labyard", "app.kubernetes.io/instance": release}
    return {**labels, "singleuser-server": {**base, "app.kubernetes.io/component": "singleuser-server"}}


@everywhere
def test_selectors_match_pods(name: str) -> None:
    found = chart.objects_of(name)
    labels = pod_labels(found)
    for one in chart.of_kind(found, "Deployment", "StatefulSet", "DaemonSet"):
        assert labels_match(one["spec"]["selector"], one["spec"]["template"]["metadata"]["labels"]), chart.title(one)
        # Labels that an upgrade or an operator may change are in no selector.
        assert set(one["spec"]["selector"]["matchLabels"]) == {
            "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
        }, chart.title(one)  # fmt: skip
    for one in chart.of_kind(found, "Service"):
        chosen = [component for component, those in labels.items() if labels_match({"matchLabels": one["spec"]["selector"]}, those)]
        assert len(chosen) == 1, chart.title(one)
        pod = next(pod for _, pod in chart.pods(found) if pod["metadata"]["labels"]["app.kubernetes.io/component"] == chosen[0])
        ports = {port["name"] for container in chart.containers(pod) for port in container.get("ports", [])}
        assert {port["targetPort"] for port in one["spec"]["ports"]} <= ports, chart.title(one)
    for one in chart.of_kind(found, "PodDisruptionBudget"):
        assert any(labels_match(one["spec"]["selector"], those) for those in labels.values()), chart.title(one)
    services = {one["metadata"]["name"]: one for one in chart.of_kind(found, "Service")}
    for one in chart.of_kind(found, "Ingress"):
        for rule in one["spec"]["rules"]:
            backend = rule["http"]["paths"][0]["backend"]["service"]
            assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}
    for one in chart.of_kind(found, "HTTPRoute"):
        for backend in one["spec"]["rules"][0]["backendRefs"]:
            assert backend["port"] in {port["port"] for port in services[backend["name"]]["spec"]["ports"]}
    for one in chart.of_kind(found, "ServiceMonitor"):
        chosen = [service for service in services.values() if labels_match(one["spec"]["selector"], service["metadata"]["labels"])]
        assert len(chosen) == 1
        assert {endpoint["port"] for endpoint in one["spec"]["endpoints"]} <= {port["name"] for port in chosen[0]["spec"]["ports"]}


def referenced(spec: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield kind, name and key of everything that a pod names."""
    yield from (("Secret", secret["name"], None) for secret in spec.get("imagePullSecrets", []))
    for field, kind in (("serviceAccountName", "ServiceAccount"), ("priorityClassName", "PriorityClass")):
        if field in spec:
            yield kind, spec[field], None
    for volume in spec.get("volumes", []):
        if "secret" in volume:
            for item in volume["secret"].get("items", [{}]):
                yield "Secret", volume["secret"]["secretName"], item.get("key")
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"], None
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], None
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from (("Secret", source["secretRef"]["name"], None) for source in container.get("envFrom", []))
        references = [
            variable["valueFrom"]["secretKeyRef"]
            for variable in container.get("env", [])
            if "secretKeyRef" in variable.get("valueFrom", {})
        ]
        yield from (("Secret", reference["name"], reference["key"]) for reference in references)


@everywhere
def test_everything_that_a_pod_names_exists(name: str) -> None:
    found = chart.objects_of(name)
    there = {(one["kind"], one["metadata"]["name"]): one for one in found}
    for title, pod in chart.pods(found):
        for kind, wanted, key in referenced(pod["spec"]):
            if wanted not in MADE_ELSEWHERE.get(kind, ()):
                assert (kind, wanted) in there, (title, kind, wanted)
                one = there[kind, wanted]
                assert key is None or key in {**one.get("data", {}), **one.get("stringData", {})}, (title, wanted, key)


@everywhere
def test_every_mount_has_its_volume_and_file(name: str) -> None:
    found = chart.objects_of(name)
    data = {
        (one["kind"], one["metadata"]["name"]): one.get("data") or one["stringData"] for one in chart.of_kind(found, "Secret", "ConfigMap")
    }
    for title, pod in chart.pods(found):
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        for container in chart.containers(pod):
            for mount in container.get("volumeMounts", []):
                assert mount["name"] in volumes, (title, container["name"])
                volume = volumes[mount["name"]]
                if "subPath" in mount and "configMap" in volume:
                    assert mount["subPath"] in data["ConfigMap", volume["configMap"]["name"]]
                if "subPath" in mount and "secret" in volume:
                    assert mount["subPath"] in data["Secret", volume["secret"]["secretName"]]


@everywhere
def test_accounts_and_addresses_exist(name: str) -> None:
    found = chart.objects_of(name)
    there = {(one["kind"], one["metadata"]["name"]) for one in found}
    for one in chart.of_kind(found, "RoleBinding", "ClusterRoleBinding"):
        assert (one["roleRef"]["kind"], one["roleRef"]["name"]) in there
        assert {("ServiceAccount", subject["name"]) for subject in one["subjects"]} <= there
    services = {one["metadata"]["name"]: {port["port"] for port in one["spec"]["ports"]} for one in chart.of_kind(found, "Service")}
    variables = [(title, variable) for title, pod in chart.pods(found) for one in chart.containers(pod) for variable in one.get("env", [])]
    for title, variable in variables:
        match = re.match(r"(?:http|postgresql)://(?:labyard@)?((?:lab|labyard)-[a-z-]+):(\d+)", variable.get("value", ""))
        if match:
            assert int(match[2]) in services[match[1]], (title, variable["name"])


def pods_by_title(values: dict[str, Any]) -> dict[str, Any]:
    return {title: pod for title, pod in chart.pods(chart.objects(chart.render(values))) if not title.startswith("Job")}


SECRETS = {"secrets": {"existingSecret": "own"}}


@pytest.mark.parametrize(
    ("config", "restarted"),
    [
        ({"profiles": [{"name": "small", "cpu_cores": 1}]}, set()),
        ({"quotas": {"users": {"servers": 3}}}, set()),
        ({"images": {"tag": "9"}}, set()),
        ({"servers": {"idle_timeout_seconds": "1h"}}, {"hub", "service"}),
        ({"sign_in": {"minimum_password_length": 12}}, {"hub"}),
        ({"cluster": {"home": {"capacity_bytes": "20Gi"}}}, {"hub"}),
        ({"projects": {"per_user": 7}}, {"service"}),
        ({"mlflow": {"workers": 3}}, {"mlflow"}),
    ],
)
def test_only_what_read_a_setting_at_its_start_is_restarted(config: dict[str, Any], restarted: set[str]) -> None:
    before, after = pods_by_title(SECRETS), pods_by_title({**SECRETS, "config": config})
    assert {title.rpartition("-")[2] for title in before if before[title] != after[title]} == restarted


def test_a_changed_file_of_the_hub_restarts_the_hub_alone() -> None:
    before, files = pods_by_title(SECRETS), pods_by_title({**SECRETS, "hub": {"extraConfig": {"a": "b = 1"}}})
    assert {title for title in before if before[title] != files[title]} == {"Deployment labyard-hub"}


def test_rendering_twice_is_the_same_but_for_the_secrets() -> None:
    values = {"secrets": {"existingSecret": "own"}}
    assert chart.render(values) == chart.render(values)


def test_volumes_and_secrets_outlive_the_release() -> None:
    for name in chart.NAMES:
        for one in chart.of_kind(chart.objects_of(name), "PersistentVolumeClaim"):
            assert one["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", chart.title(one)
        guarding = [one for one in chart.of_kind(chart.objects_of(name), "NetworkPolicy") if "annotations" in one["metadata"]]
        assert [one["metadata"]["name"].endswith("-singleuser-server") for one in guarding] == [True]


def test_with_postgresql_and_a_provider_hub_and_service_have_no_volume_and_mlflow_none_with_an_object_store() -> None:
    claims = {chart.title(one) for one in chart.of_kind(chart.objects_of("oidc"), "PersistentVolumeClaim")}
    assert claims == {
        "PersistentVolumeClaim labyard-mlflow",
        "PersistentVolumeClaim labyard-postgresql",
        "PersistentVolumeClaim labyard-projects",
    }
    claims = {chart.title(one) for one in chart.of_kind(chart.objects_of("everything"), "PersistentVolumeClaim")}
    assert "PersistentVolumeClaim lab-mlflow" not in claims
    claims = {chart.title(one) for one in chart.of_kind(chart.objects_of("minimal"), "PersistentVolumeClaim")}
    assert claims == {"PersistentVolumeClaim labyard-hub", "PersistentVolumeClaim labyard-service", "PersistentVolumeClaim labyard-mlflow"}


def test_platforms_that_choose_the_user_are_left_the_choice() -> None:
    none = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    pod = pods_by_title({"hub": {"podSecurityContext": none}})["Deployment labyard-hub"]
    assert pod["spec"]["securityContext"] == {
        "fsGroupChangePolicy": "OnRootMismatch", "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip


def test_what_runs_before_the_rest_needs_nothing_of_it() -> None:
    found = chart.objects(
        chart.render({"scheduling": {"podPriority": {"enabled": True}}, "prePuller": {"images": ["base"], "hook": {"enabled": True}}})
    )
    hooks = [one for one in found if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    there = {(one["kind"], one["metadata"]["name"]) for one in hooks}
    pods_of_hooks = list(chart.pods(hooks))
    assert {title for title, _ in pods_of_hooks} == {"DaemonSet labyard-hook-puller", "Job labyard-hook-waiter", "Job labyard-config-check"}
    hub = dict(chart.pods(found))["Deployment labyard-hub"]["spec"]["containers"][0]["image"]
    check = dict(pods_of_hooks)["Job labyard-config-check"]["spec"]["containers"][0]
    assert check["image"] == hub, "an image that cannot be pulled must fail before anything is replaced"
    for title, pod in pods_of_hooks:
        assert "priorityClassName" not in pod["spec"], title
        assert {(kind, name) for kind, name, _ in referenced(pod["spec"])} <= there, title
