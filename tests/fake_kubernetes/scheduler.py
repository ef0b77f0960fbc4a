"""Which node a pod goes to, or why to none, in the scheduler's own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.fake_kubernetes.quantities import parse_quantity
from tests.fake_kubernetes.resource_quota import requests_of

__all__ = ["Placement", "place"]

Item = Mapping[str, Any]
Placement = tuple[str | None, str]
"""The node, or None and why."""

_TEXT = {
    "selector": "node(s) didn't match Pod's node affinity/selector",
    "cordoned": "node(s) were unschedulable",
    "pods": "Too many pods",
}


def place(pod: Item, nodes: Sequence[Item], pods: Sequence[Item], claims: Sequence[Item]) -> Placement:
    """Return where `pod` goes, given all pods and the claims of its namespace."""
    known = {claim["metadata"]["name"]: claim for claim in claims}
    for volume in pod["spec"].get("volumes", ()):
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if name and name not in known:
            text = f'0/{len(nodes)} nodes are available: persistentvolumeclaim "{name}" not found. preemption: 0/{len(nodes)} nodes are available: {len(nodes)} Preemption is not helpful for scheduling.'
            return None, text
        if name and known[name].get("status", {}).get("phase") == "Pending":
            none = f"0/{len(nodes)} nodes are available"
            text = f"{none}: pod has unbound immediate PersistentVolumeClaims. preemption: {none}: {len(nodes)} Preemption is not helpful for scheduling."
            return None, text
    if not nodes:
        return None, "no nodes available to schedule pods"
    reasons: Counter[str] = Counter()
    for node in nodes:
        why = _why_not(pod, node, [one for one in pods if one["spec"].get("nodeName") == node["metadata"]["name"]])
        if not why:
            return node["metadata"]["name"], ""
        reasons.update(why)
    parts = ", ".join(sorted(f"{count} {text}" for text, count in reasons.items()))
    scarce = max((count for text, count in reasons.items() if text.startswith("Insufficient")), default=0)
    preemption = [f"{scarce} No preemption victims found for incoming pod"] if scarce else []
    if len(nodes) > scarce:
        preemption.append(f"{len(nodes) - scarce} Preemption is not helpful for scheduling")
    none = f"0/{len(nodes)} nodes are available"
    return None, f"{none}: {parts}. preemption: {none}: {', '.join(preemption)}."


def _why_not(pod: Item, node: Item, there: Sequence[Item]) -> list[str]:
    spec = pod["spec"]
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return [_TEXT["selector"]]
    if node.get("spec", {}).get("unschedulable"):
        return [_TEXT["cordoned"]]
    for taint in node.get("spec", {}).get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not any(_tolerates(one, taint) for one in spec.get("tolerations") or ()):
            return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
    free = {name: parse_quantity(value) for name, value in node.get("status", {}).get("allocatable", {}).items()}
    active = [one for one in there if one["status"]["phase"] not in ("Succeeded", "Failed")]
    for other in active:
        for name, value in requests_of(other).items():
            free[name] = free.get(name, Decimal(0)) - value
    short = [f"Insufficient {name}" for name, value in requests_of(pod).items() if value > free.get(name, Decimal(0))]
    if len(active) >= free.get("pods", Decimal(110)):
        short.append(_TEXT["pods"])
    return short


def _tolerates(toleration: Item, taint: Item) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")
