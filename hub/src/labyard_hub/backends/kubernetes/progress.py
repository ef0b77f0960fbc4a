"""How far the start of a pod is, in words, from its events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from labyard_hub.backends.kubernetes.failures import lacking, unschedulable_message

__all__ = ["Step", "step_of", "waiting_step"]

Step = tuple[int, str]
"""Percent, and a sentence."""

_STEPS: dict[str, Step] = {
    "TriggeredScaleUp": (15, "the cluster adds a node for it, which takes some minutes"),
    "FailedAttachVolume": (35, "waiting for its volumes"),
    "FailedMount": (35, "waiting for its volumes"),
    "Pulling": (40, "pulling the image"),
    "Failed": (45, "the image could not be pulled, trying again"),
    "Started": (80, "starting JupyterLab"),
}
_TOOK = re.compile(r"in (?P<took>[0-9.]+(?:ms|s|m[0-9.]+s))")


def step_of(event: Mapping[str, Any]) -> Step | None:
    """Return the step that an event tells of; None for those that say nothing to a person."""
    reason, message = event.get("reason"), str(event.get("message", ""))
    if reason == "Scheduled":
        return 30, f"placed on the node {message.rpartition(' to ')[2]}"
    if reason == "Pulled":
        found = _TOOK.search(message)
        return 70, f"image pulled in {found['took']}" if found else "the node has the image already"
    if reason == "Failed" and "pull" not in message.lower():
        return None
    return _STEPS.get(str(reason))


def waiting_step(pod: Mapping[str, Any]) -> Step | None:
    """Return that a pod waits for a node; None where it does not."""
    message = unschedulable_message(pod)
    if not message:
        return None
    what = lacking(message)
    return 10, f"waiting for a node with enough {what}" if what else "waiting for a node that takes it"
