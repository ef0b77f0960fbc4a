"""ResourceQuota: what a namespace may use, and the refusal of what would be more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tests.fake_kubernetes.quantities import parse_quantity
from tests.fake_kubernetes.resources import Resource

__all__ = ["over_quota", "requests_of", "usage"]


def requests_of(pod: Mapping[str, Any], kind: str = "requests") -> Counter[str]:
    """Return the sum of what the containers of a pod request, or of their limits."""
    found: Counter[str] = Counter()
    for container in pod["spec"].get("containers", ()):
        for name, value in (container.get("resources", {}).get(kind) or {}).items():
            found[name] += parse_quantity(value)  # type: ignore[assignment]  # a Decimal
    return found


def usage(resource: Resource, item: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return what an object counts for, by the names that quotas use; nothing where it counts no more."""
    one = Decimal(1)
    if resource.kind == "Pod":
        if item.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return {}
        found: dict[str, Decimal] = {"pods": one, "count/pods": one}
        for kind in ("requests", "limits"):
            for name, value in requests_of(item, kind).items():
                found[f"{kind}.{name}"] = Decimal(value)
                if kind == "requests" and "/" not in name:
                    found[name] = Decimal(value)
        return found
    found = {f"count/{resource.plural}": one, resource.plural: one}
    if resource.kind == "PersistentVolumeClaim":
        found["requests.storage"] = parse_quantity(item["spec"]["resources"]["requests"]["storage"])
    return found


def over_quota(
    resource: Resource, item: Mapping[str, Any], quotas: Iterable[Mapping[str, Any]], existing: Iterable[tuple[Resource, Mapping[str, Any]]]
) -> str | None:
    """Return why admission refuses a new object; None where it takes it."""
    wanted = usage(resource, item)
    used: Counter[str] = Counter()
    for other_resource, other in existing:
        used.update(usage(other_resource, other))
    for quota in quotas:
        name, hard = quota["metadata"]["name"], quota["spec"].get("hard", {})
        if resource.kind == "Pod":
            missing = sorted(key for key in hard if key.startswith(("requests.", "limits.")) or key in ("cpu", "memory"))
            missing = [key for key in missing if key not in wanted and key != "requests.storage" and "/" not in key]
            if missing:
                container = item["spec"]["containers"][0]["name"]
                return f"failed quota: {name}: must specify {'; '.join(f'{key} for: {container}' for key in missing)}"
        over = sorted(key for key in hard if key in wanted and Decimal(used[key]) + wanted[key] > parse_quantity(hard[key]))
        if over:
            requested = ",".join(f"{key}={_text(key, wanted[key])}" for key in over)
            now = ",".join(f"{key}={_text(key, Decimal(used[key]))}" for key in over)
            limited = ",".join(f"{key}={hard[key]}" for key in over)
            return f"exceeded quota: {name}, requested: {requested}, used: {now}, limited: {limited}"
    return None


def _text(key: str, value: Decimal) -> str:
    if "memory" in key or "storage" in key:
        for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
            if value and value % size == 0:
                return f"{int(value / size)}{unit}"
        return str(int(value))
    return str(int(value)) if value % 1 == 0 else f"{int(value * 1000)}m"
