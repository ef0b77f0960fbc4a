"""Worth: for every pair of parts a connection is allowed or refused as meant, by the labels that pods really have."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.fake_kubernetes.network import Endpoint, may_connect, policies_of, selects
from tests.helm import chart
from tests.helm.people import pods_of, spawned_pods

everywhere = pytest.mark.parametrize("name", chart.NAMES)

NAMESPACE = "lab"
PORTS = {
    "hub": (8081,),
    "service": (8000,),
    "mlflow": (5000,),
    "postgresql": (5432,),
    "proxy": (8000, 8001),
    "ada": (8888, 8889),
    "bob": (8888, 8889),
}
SERVER = (8888,)
OPEN = {
    "proxy": {"hub": (8081,), "service": (8000,), "mlflow": (5000,), "ada": SERVER, "bob": SERVER},
    "hub": {"proxy": (8001,), "service": (8000,), "postgresql": (5432,), "ada": SERVER, "bob": SERVER},
    "service": {"hub": (8081,), "mlflow": (5000,), "postgresql": (5432,)},
    "mlflow": {"service": (8000,), "postgresql": (5432,)},
    "ada": {"hub": (8081,), "service": (8000,), "mlflow": (5000,)},
    "bob": {"hub": (8081,), "service": (8000,), "mlflow": (5000,)},
    "stranger": {},
}  # fmt: skip
"""Who may come to which ports; everything else is closed. A stranger is a pod of somebody else in the same namespace."""
METADATA = ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")
INTERNET, PRIVATE = "1.1.1.1", "10.20.30.40"


def ends(found: list[chart.Object], people: dict[str, chart.Object]) -> dict[str, Endpoint]:
    """Return the pods of an installed chart by what they are."""
    parts = {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for _, pod in chart.pods(found)}
    stranger: chart.Object = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": []}}
    return {
        name: Endpoint.of(pod, NAMESPACE, f"10.244.0.{number}")
        for number, (name, pod) in enumerate({**parts, **people, "stranger": stranger}.items(), 1)
    }


@pytest.fixture(scope="module", params=chart.NAMES)
def network(request: pytest.FixtureRequest) -> tuple[list[chart.Object], dict[str, Endpoint]]:
    """The policies of a values file, and the pods."""
    found = chart.objects_of(request.param)
    return chart.of_kind(found, "NetworkPolicy"), ends(found, pods_of(request.param, "ada", "bob"))


def test_every_pair_of_parts(network: tuple[list[chart.Object], dict[str, Endpoint]]) -> None:
    policies, pods = network
    for start, end in itertools.permutations(pods, 2):
        if start == "hook-image-waiter" or end not in PORTS:
            continue
        for port in sorted({port for ports in PORTS.values() for port in ports}):
            if (end, port) == ("proxy", 8000):
                continue  # everybody's way in
            wanted = port in OPEN.get(start, {}).get(end, ())
            for counts in (False, True):
                assert may_connect(policies, pods[start], pods[end], port, blocks_match_pods=counts) is wanted, (start, end, port)


def test_every_part_but_the_waiter_has_a_policy(network: tuple[list[chart.Object], dict[str, Endpoint]]) -> None:
    policies, pods = network
    found = {name: [one["metadata"]["name"] for one in policies_of(policies, pod)] for name, pod in pods.items()}
    assert {name for name, those in found.items() if not those} == {"stranger", "hook-image-waiter"} & set(pods)
    assert all(len(those) <= 1 for those in found.values()), found


def test_names_are_looked_up_and_the_metadata_address_is_closed(network: tuple[list[chart.Object], dict[str, Endpoint]]) -> None:
    policies, pods = network
    dns = Endpoint("10.96.0.10", {"k8s-app": "kube-dns"}, "kube-system", {"kubernetes.io/metadata.name": "kube-system"})
    for name, pod in pods.items():
        if name in ("stranger", "hook-image-waiter", "image-puller", "hook-image-puller", "config-check"):
            continue
        for protocol in ("UDP", "TCP"):
            assert may_connect(policies, pod, dns, 53, protocol=protocol, blocks_match_pods=False), name
        for address in METADATA:
            assert not may_connect(policies, pod, Endpoint(address), 80, blocks_match_pods=True), (name, address)


def test_people_reach_the_internet_and_nothing_private(network: tuple[list[chart.Object], dict[str, Endpoint]]) -> None:
    policies, pods = network
    assert may_connect(policies, pods["ada"], Endpoint(INTERNET), 443, blocks_match_pods=False)
    for private in (PRIVATE, "172.20.0.1", "192.168.1.1", "100.64.0.1", "fc00::1"):
        assert not may_connect(policies, pods["ada"], Endpoint(private), 443, blocks_match_pods=True), private


@everywhere
def test_whatever_else_chooses_people_s_pods_chooses_them(name: str) -> None:
    labels = pods_of(name, "ada")["ada"]["metadata"]["labels"]
    budgets = [one for one in chart.of_kind(chart.objects_of(name), "PodDisruptionBudget") if "singleuser" in one["metadata"]["name"]]
    assert all(selects(one["spec"]["selector"], labels) for one in budgets)


def test_labels_of_the_operator_s_take_no_pod_out_of_its_policy() -> None:
    theirs = {"app.kubernetes.io/name": "x", "app.kubernetes.io/component": "x", "app.kubernetes.io/instance": "x", "team": "a"}
    found = chart.objects(chart.render({"config": {"cluster": {"pods": {"labels": theirs}}}}))
    pod = spawned_pods(found, "ada")["ada"]
    assert pod["metadata"]["labels"]["team"] == "a"
    assert policies_of(chart.of_kind(found, "NetworkPolicy"), Endpoint.of(pod, NAMESPACE))


def test_the_metadata_address_opens_by_its_own_value_alone() -> None:
    found = chart.objects(chart.render({"singleuser": {"networkPolicy": {"egressAllowRules": {"cloudMetadataServer": True}}}}))
    policies, pods = chart.of_kind(found, "NetworkPolicy"), ends(found, pods_of("minimal", "ada", "bob"))
    allowed = {name for name, pod in pods.items() if may_connect(policies, pod, Endpoint(METADATA[0]), 80, blocks_match_pods=True)}
    assert allowed == {"ada", "bob", "stranger"}


NOTHING_ELSE = {"networkPolicy": {"egressAllowRules": {"nonPrivateIPs": False, "privateIPs": False}}}
MINIO = Endpoint("10.244.7.7", {"app": "minio"}, "storage", {"kubernetes.io/metadata.name": "storage"})


def database(host: str, port: int = 5432) -> dict[str, Any]:
    return {"database": {"type": "postgresql", "external": {"host": host, "port": port, "existingSecret": "pg"}}}


def login(provider: str, **more: Any) -> dict[str, Any]:
    return {"config": {"login": {"provider": provider, "client_id": "x", "allow_all": True, "admin_users": ["ada"], **more}}}


@pytest.mark.parametrize(
    ("values", "part", "end", "port", "allowed"),
    [
        (database("10.0.0.5"), "service", Endpoint("10.0.0.5"), 5432, True),
        (database("10.0.0.5"), "hub", Endpoint("10.0.0.5"), 5432, True),
        (database("10.0.0.5"), "mlflow", Endpoint("10.0.0.5"), 5432, True),
        (database("10.0.0.5"), "service", Endpoint("10.0.0.6"), 5432, False),
        (database("10.0.0.5"), "service", Endpoint("10.0.0.5"), 22, False),
        (database("10.0.0.5"), "ada", Endpoint("10.0.0.5"), 5432, False),
        (database("fd00::5", 6432), "service", Endpoint("fd00::5"), 6432, True),
        (database("db.example.org", 6432), "service", Endpoint(PRIVATE), 6432, True),
        (database("db.example.org", 6432), "service", Endpoint(INTERNET), 6432, True),
        (database("db.example.org", 80), "service", Endpoint(METADATA[0]), 80, False),
        (database("db.data.svc"), "service", MINIO, 5432, True),
        ({"config": {"database": {"url": "postgresql://labyard@10.0.0.5/labyard"}}}, "service", Endpoint("10.0.0.5"), 5432, True),
        ({"config": {"database": {"url": "postgresql://labyard@10.0.0.5:6432/labyard"}}}, "service", Endpoint("10.0.0.5"), 6432, True),
        ({"mlflow": {"artifacts": {"destination": "s3://b/a"}}}, "mlflow", Endpoint(INTERNET), 443, True),
        ({"mlflow": {"artifacts": {"destination": "s3://b/a"}}}, "mlflow", Endpoint(INTERNET), 22, False),
        (
            {"mlflow": {"artifacts": {"destination": "s3://b/a", "s3Endpoint": "http://minio.storage.svc:9000"}}},
            "mlflow",
            MINIO,
            9000,
            True,
        ),
        ({"mlflow": {"artifacts": {"destination": "s3://b/a", "s3Endpoint": "http://10.0.0.9"}}}, "mlflow", Endpoint("10.0.0.9"), 80, True),
        (login("oidc", issuer="https://id.example.org:8443/realms/a"), "hub", Endpoint(PRIVATE), 8443, True),
        (login("oidc", issuer="https://id.example.org/realms/a"), "service", Endpoint(PRIVATE), 443, False),
        (login("gitlab"), "hub", Endpoint(INTERNET), 443, True),
        ({}, "service", Endpoint(INTERNET), 443, False),
    ],
)
def test_configured_addresses_are_reached_also_where_all_others_are_closed(
    values: dict[str, Any], part: str, end: Endpoint, port: int, allowed: bool
) -> None:
    closed: dict[str, Any] = dict.fromkeys(("hub", "service", "mlflow"), NOTHING_ELSE)
    if "mlflow" in values:
        values = {"mlflow": {**NOTHING_ELSE, **values["mlflow"]}}
    found = chart.objects(chart.render({**closed, **values}))
    pods = ends(found, pods_of("minimal", "ada"))
    assert may_connect(chart.of_kind(found, "NetworkPolicy"), pods[part], end, port, blocks_match_pods=False) is allowed
