"""Events, as scheduler and kubelet write them."""

from __future__ import annotations

import uuid
from typing import Any

from tests.fake_kubernetes.api import Api, core, now_text

__all__ = ["record"]


def record(api: Api, pod: dict[str, Any], component: str, reason: str, message: str, *, warning: bool = False) -> None:
    """Write an event about a pod, or another object."""
    metadata, now = pod["metadata"], now_text()
    event: dict[str, Any] = {
        "metadata": {"name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}", "namespace": metadata["namespace"]},
        "involvedObject": {"kind": pod.get("kind", "Pod"), "apiVersion": "v1", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]},
        "reason": reason, "message": message, "type": "Warning" if warning else "Normal", "reportingComponent": component, "reportingInstance": f"{component}-0",
    }  # fmt: skip
    if component == "default-scheduler":  # the newer kind of event, with other fields for the same
        event |= {
            "eventTime": now.replace("Z", ".000000Z"),
            "firstTimestamp": None,
            "lastTimestamp": None,
            "action": "Scheduling",
            "source": {},
        }
    else:
        event |= {"eventTime": None, "firstTimestamp": now, "lastTimestamp": now, "count": 1, "source": {"component": component}}
    api.create(core("events"), metadata["namespace"], event)
