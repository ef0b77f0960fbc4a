"""Why a pod does not start, or has ended: one sentence for the person, and a code, from conditions, states and events.

The words of Kubernetes are matched where they are stable: reasons of conditions and states, and the beginnings of messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["UNBOUND", "Problem", "ended_problem", "lacking", "refusal", "start_problem", "unbound_problem", "unschedulable_message"]

Item = Mapping[str, Any]

_QUOTA = re.compile(r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.*), used: (?P<used>.*), limited: (?P<limited>.*)")
_LACKS = re.compile(r"Insufficient (?P<what>[A-Za-z0-9./-]*[A-Za-z0-9])")
_NODES = re.compile(r"^0/(?P<number>\d+) nodes are available")

LASTING = (
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "ImageInspectError",
    "ErrImageNeverPull",
)

UNBOUND = "The cluster has not made its volume."
"""The sentence for a claim that has no volume; its own events say why."""


@dataclass(frozen=True)
class Problem:
    """What is wrong.

    Attributes
    ----------
    code
        ``unschedulable``, ``image_pull``, ``quota``, ``out_of_memory``, ``evicted``, ``preempted``, ``volume``, ``timeout``, ``ended``, ``refused``.
    sentence
        What happened, for the person whose server it is. What to do is the page's to say, by the code.
    """

    code: str
    sentence: str


def refusal(status: int, message: str) -> Problem:
    """Return what the API server's refusal of a pod or a claim means."""
    found = _QUOTA.search(message)
    if found is not None:
        wanted, used, limited = (_values(found[key]) for key in ("requested", "used", "limited"))
        figures = "; ".join(f"{key}: {wanted[key]} asked for, {used.get(key, '0')} of {limited.get(key, '?')} in use" for key in wanted)
        return Problem("quota", f"The quota “{found['quota']}” of the cluster does not allow it: {figures}.")
    if "violates PodSecurity" in message:
        return Problem("rejected", "The cluster does not allow such pods here: its security policy refused it. Tell an administrator.")
    if status == 403:
        return Problem("rejected", f"The cluster refused it: {_short(message)}. Tell an administrator.")
    return Problem("rejected", f"The cluster could not make it (status {status}): {_short(message)}. Tell an administrator.")


def unschedulable_message(pod: Item) -> str:
    """Return the scheduler's words for why a pod has no node; empty where it has one."""
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "")
    return ""


def lacking(message: str) -> str:
    """Return what the scheduler says that nodes have not enough of, such as ``CPU and memory``; empty where it says something else."""
    found = sorted({match["what"] for match in _LACKS.finditer(message)})
    return " and ".join({"cpu": "CPU"}.get(one, one) for one in found)


def start_problem(
    pod: Item, events: Sequence[Item], *, waited_seconds: float, schedule_seconds: float, pull_seconds: float
) -> Problem | None:
    """Return why a pod will not start; None while it may.

    Parameters
    ----------
    events
        Those of this pod, in their order.
    waited_seconds
        Since it was made.
    schedule_seconds, pull_seconds
        How long it may wait for a node, and after that for its image.
    """
    ended = ended_problem(pod)
    if ended is not None:
        return ended
    reasons = [str(event.get("reason", "")) for event in events]
    message = unschedulable_message(pod)
    if message and not pod.get("spec", {}).get("nodeName"):
        # A cluster that grows says so; then it takes as long as it takes to make a machine.
        hopeless = "NotTriggerScaleUp" in reasons and "TriggeredScaleUp" not in reasons
        return _unschedulable(message) if hopeless or waited_seconds >= schedule_seconds else None
    state = _waiting(pod)
    reason, text = str(state.get("reason", "")), str(state.get("message", ""))
    if reason == "ImagePullBackOff" or (reason == "ErrImagePull" and _is_missing(text)):
        return _image_problem(pod, text)
    if reason in LASTING:
        return Problem("rejected", f"The cluster cannot make its container ({reason}): {_short(text)}. Tell an administrator.")
    if waited_seconds >= schedule_seconds + pull_seconds:
        return _late(pod, events, waited_seconds)
    return None


def ended_problem(pod: Item, memory: str = "") -> Problem | None:
    """Return why a pod has ended; None where it has not.

    Parameters
    ----------
    memory
        What its profile allows, such as ``4 GiB``.
    """
    status = pod.get("status", {})
    if status.get("reason") == "Evicted":
        return Problem("evicted", f"Its node ran short of something and put it out: {_short(str(status.get('message', '')))}.")
    if status.get("reason") in ("Preempting", "Preempted"):
        return Problem("preempted", "It had to give way to a server of higher priority.")
    for container in status.get("containerStatuses") or ():
        ended = container.get("state", {}).get("terminated")
        if container.get("name") != "notebook" or not ended:
            continue
        if ended.get("reason") == "OOMKilled":
            limit = f" ({memory})" if memory else ""
            return Problem("out_of_memory", f"It needed more memory than its profile allows{limit}, and was ended.")
        return Problem("ended", f"It ended with status {ended.get('exitCode', '?')}.")
    if status.get("phase") in ("Failed", "Succeeded"):
        return Problem("ended", f"Its pod ended: {_short(str(status.get('message') or status.get('reason') or 'nobody says why'))}.")
    return None


def _unschedulable(message: str) -> Problem:
    found = _NODES.match(message)
    lacks = lacking(message)
    claim = re.search(r'persistentvolumeclaim "([^"]+)"', message)
    if claim is not None:
        return Problem("volume", f"Its volume “{claim[1]}” is not there.")
    if "unbound immediate PersistentVolumeClaims" in message or "didn't find available persistent volumes" in message:
        return Problem("volume", UNBOUND)
    if "volume node affinity conflict" in message or "Multi-Attach" in message:
        return Problem("volume", "Its home is bound to a node, or a zone, that has no room for it.")
    if lacks:
        return Problem("unschedulable", f"No node of the cluster has enough {lacks} free for it.")
    if found is not None and "affinity/selector" in message and "Insufficient" not in message:
        return Problem("unschedulable", f"None of the cluster's {found['number']} nodes is of the kind that this profile asks for.")
    return Problem("unschedulable", f"No node of the cluster takes it: {_short(message)}.")


def unbound_problem(claim: str, storage_class: str | None, events: Sequence[Item]) -> Problem:
    """Return why a claim has no volume.

    Parameters
    ----------
    events
        Those of the claim, in their order.
    """
    why = next((str(one.get("message", "")) for one in reversed(events) if one.get("type") == "Warning"), "")
    asked = f"It asks for the storage class “{storage_class}”" if storage_class else "It asks for the cluster's default storage class"
    return Problem("volume", f"The cluster has not made its volume “{claim}”. {asked}{f': {_short(why)}' if why else ''}.")


def _image_problem(pod: Item, text: str) -> Problem:
    image = next((str(one.get("image")) for one in pod.get("spec", {}).get("containers", ()) if one.get("name") == "notebook"), "")
    if _is_missing(text):
        why = "the registry has none of that name"
    elif re.search(r"unauthorized|denied|authentication required|no basic auth", text, re.IGNORECASE):
        why = "the registry does not let the cluster have it"
    elif re.search(r"no space left|disk", text, re.IGNORECASE):
        why = "the node's disk is full"
    elif re.search(r"timeout|no such host|connection refused|i/o|TLS", text, re.IGNORECASE):
        why = "the registry cannot be reached"
    else:
        why = _short(text)
    return Problem("image_pull", f"The image “{image}” cannot be had: {why}.")


def _late(pod: Item, events: Sequence[Item], waited_seconds: float) -> Problem:
    for event in reversed(events):
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            return Problem(
                "volume", f"A volume of it could not be mounted within {waited_seconds:.0f} s: {_short(str(event.get('message', '')))}."
            )
    what = "pull its image" if _waiting(pod).get("reason") == "ContainerCreating" else "start"
    return Problem("timeout", f"It did not {what} within {waited_seconds:.0f} s.")


def _waiting(pod: Item) -> Item:
    for container in pod.get("status", {}).get("containerStatuses") or ():
        if container.get("name") == "notebook":
            found: Item = container.get("state", {}).get("waiting") or {}
            return found
    return {}


def _is_missing(text: str) -> bool:
    return re.search(r"not found|manifest unknown|does not exist|code = NotFound", text) is not None


def _values(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def _short(text: str) -> str:
    """Return a message on one line, without its end mark, not longer than a person reads."""
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 240 else line[:239] + "…"
