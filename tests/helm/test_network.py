"""Worth: for every pair of parts a connection is allowed or refused as meant, by the labels that pods really have."""

from __future__ import annotations

import itertools

import pytest

from labyard_hub.testing.fake_kubernetes.network import Endpoint, may_connect, policies_of, selects
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
        if name in ("stranger", "hook-image-waiter", "image-puller", "hook-image-puller"):
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
