"""Which connections network policies allow: the rules of a cluster that enforces them, evaluated on pods' real labels."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Endpoint", "may_connect", "policies_of", "selects"]

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One end of a connection.

    Attributes
    ----------
    address
        Its IP address.
    labels
        Of the pod; None: it is outside the cluster.
    namespace, namespace_labels
        Of the pod.
    ports
        Numbers of the pod's ports by their names.
    """

    address: str
    labels: Mapping[str, str] | None = None
    namespace: str = ""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, pod: Item, namespace: str, address: str = "10.244.0.9") -> Endpoint:
        """Return the end that a pod, or a pod's template, is."""
        ports = {
            port["name"]: port["containerPort"] for one in pod["spec"]["containers"] for port in one.get("ports", ()) if "name" in port
        }
        labels = pod["metadata"].get("labels") or {}
        return cls(pod.get("status", {}).get("podIP", address), labels, namespace, {"kubernetes.io/metadata.name": namespace}, ports)


def selects(selector: Item, labels: Mapping[str, str]) -> bool:
    """Whether a label selector chooses an object with `labels`. An empty one chooses everything."""
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()) and all(
        {
            "In": labels.get(one["key"]) in one.get("values", ()),
            "NotIn": labels.get(one["key"]) not in one.get("values", ()),
            "Exists": one["key"] in labels,
            "DoesNotExist": one["key"] not in labels,
        }[one["operator"]]
        for one in selector.get("matchExpressions") or ()
    )


def policies_of(policies: Iterable[Item], end: Endpoint) -> list[Item]:
    """Return the policies that hold for a pod."""
    return [
        one
        for one in policies
        if end.labels is not None and one["metadata"]["namespace"] == end.namespace and selects(one["spec"]["podSelector"], end.labels)
    ]


def may_connect(
    policies: Iterable[Item], start: Endpoint, end: Endpoint, port: int, *, protocol: str = "TCP", blocks_match_pods: bool
) -> bool:
    """Whether a connection is allowed at both of its ends.

    Parameters
    ----------
    blocks_match_pods
        Whether an ``ipBlock`` counts for pods' addresses too. Network plug-ins differ in it: a way that is needed must be open without, one that must be closed with it.
    """
    policies = list(policies)
    sides = ((start, end, "Egress", "egress", "to"), (end, start, "Ingress", "ingress", "from"))
    for own, other, kind, rules, peers in sides:
        held = [one for one in policies_of(policies, own) if kind in one["spec"].get("policyTypes", ("Ingress",))]
        if held and not any(
            _port_fits(rule.get("ports"), port, protocol, end)
            and (not rule.get(peers) or any(_is_peer(peer, other, own.namespace, blocks_match_pods) for peer in rule[peers]))
            for one in held
            for rule in one["spec"].get(rules) or ()
        ):
            return False
    return True


def _port_fits(ports: Iterable[Item] | None, port: int, protocol: str, end: Endpoint) -> bool:
    if not ports:
        return True
    for one in ports:
        wanted = one.get("port")
        number = end.ports.get(wanted) if isinstance(wanted, str) else wanted
        named_and_missing = isinstance(wanted, str) and number is None
        if (
            one.get("protocol", "TCP") == protocol
            and not named_and_missing
            and (number is None or number <= port <= one.get("endPort", number))
        ):
            return True
    return False


def _is_peer(peer: Item, other: Endpoint, namespace: str, blocks_match_pods: bool) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        counts = other.labels is None or blocks_match_pods
        return counts and _inside(other.address, block["cidr"]) and not any(_inside(other.address, one) for one in block.get("except", ()))
    if other.labels is None:
        return False
    here = other.namespace == namespace if "namespaceSelector" not in peer else selects(peer["namespaceSelector"], other.namespace_labels)
    return here and selects(peer.get("podSelector") or {}, other.labels)


def _inside(address: str, cidr: str) -> bool:
    network, one = ipaddress.ip_network(cidr), ipaddress.ip_address(address)
    return network.version == one.version and one in network
