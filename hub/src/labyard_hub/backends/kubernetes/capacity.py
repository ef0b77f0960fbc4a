"""How many more servers of each profile would find room, from nodes and pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from labyard_hub.backends.kubernetes.pod import SMALL_CPU, SMALL_MEMORY_BYTES
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings, Toleration

__all__ = ["Places", "count_places"]

Item = Mapping[str, Any]
Places = tuple[int, int, int]
"""Free now, if nothing of ours ran, and how many wait."""

_FACTORS = {
    "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip


def count_places(
    profiles: Iterable[ProfileSettings], nodes: Sequence[Item], pods: Sequence[Item], cluster: ClusterSettings
) -> dict[str, Places]:
    """Return what there is, by profile.

    It counts requests, as the scheduler does, on nodes that the profile's selector and tolerations allow; it knows nothing of affinities, of a home that is bound to a
    zone, and of nodes that could be added.

    Parameters
    ----------
    pods
        Of the whole cluster, those of others included.
    """
    others: dict[str, list[Item]] = {}
    for pod in pods:
        if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            others.setdefault(str(pod["spec"].get("nodeName") or ""), []).append(pod)
    found: dict[str, Places] = {}
    for profile in profiles:
        wanted = _wanted(profile)
        free = total = 0
        for node in nodes:
            if _takes(node, profile, cluster):
                there = others.get(str(node["metadata"]["name"]), [])
                free += _fits(node, wanted, there)
                total += _fits(node, wanted, [pod for pod in there if not _is_ours(pod, cluster)])
        queue = sum(1 for pod in others.get("", ()) if _is_ours(pod, cluster) and _labels(pod).get("labyard.io/profile") == profile.name)
        found[profile.name] = free, total, queue
    return found


def _wanted(profile: ProfileSettings) -> dict[str, Decimal]:
    cpu = _number(SMALL_CPU) if profile.cpu_guarantee_cores is None else Decimal(str(profile.cpu_guarantee_cores))
    memory = profile.memory_guarantee_bytes or min(SMALL_MEMORY_BYTES, profile.memory_bytes or SMALL_MEMORY_BYTES)
    wanted = {"cpu": cpu, "memory": Decimal(memory), "pods": Decimal(1)}
    if profile.gpu is not None:
        wanted[profile.gpu.resource] = Decimal(profile.gpu.count)
    return wanted


def _fits(node: Item, wanted: Mapping[str, Decimal], there: Sequence[Item]) -> int:
    allocatable = node.get("status", {}).get("allocatable", {})
    free = {name: _number(allocatable.get(name, "110" if name == "pods" else "0")) for name in wanted}
    for pod in there:
        free["pods"] -= 1
        for container in pod["spec"].get("containers", ()):
            requests = (container.get("resources") or {}).get("requests") or {}
            for name in free.keys() & requests.keys():
                free[name] -= _number(requests[name])
    return max(0, min(int(free[name] // amount) for name, amount in wanted.items() if amount > 0))


def _takes(node: Item, profile: ProfileSettings, cluster: ClusterSettings) -> bool:
    if node.get("spec", {}).get("unschedulable"):
        return False
    labels = _labels(node)
    if any(labels.get(key) != value for key, value in {**cluster.pods.node_selector, **profile.node_selector}.items()):
        return False
    conditions = {one["type"]: one["status"] for one in node.get("status", {}).get("conditions") or ()}
    if conditions.get("Ready", "True") != "True":
        return False
    tolerations = (*cluster.pods.tolerations, *profile.tolerations)
    taints = [taint for taint in node.get("spec", {}).get("taints") or () if taint.get("effect") != "PreferNoSchedule"]
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in taints)


def _tolerates(toleration: Toleration, taint: Item) -> bool:
    if toleration.effect and toleration.effect != taint.get("effect"):
        return False
    if toleration.key and toleration.key != taint.get("key"):
        return False
    return toleration.operator == "Exists" or toleration.value == taint.get("value", "")


def _is_ours(pod: Item, cluster: ClusterSettings) -> bool:
    labels = _labels(pod)
    return labels.get("component") == "singleuser-server" and labels.get("app.kubernetes.io/instance") == cluster.instance


def _labels(item: Item) -> Mapping[str, str]:
    found: Mapping[str, str] = item["metadata"].get("labels") or {}
    return found


def _number(text: Any) -> Decimal:
    """Return a quantity as a number; what cannot be read counts as nothing there."""
    value = str(text)
    unit = next((unit for unit in sorted(_FACTORS, key=len, reverse=True) if value.endswith(unit)), "")
    try:
        return Decimal(value.removesuffix(unit)) * _FACTORS.get(unit, Decimal(1))
    except InvalidOperation:
        return Decimal(0)
