"""From a choice of profile and image to a pod: the values of KubeSpawner's traits."""

from __future__ import annotations

from typing import Any

from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings, Toleration

__all__ = ["COMPONENT", "PORT", "common_labels", "pod_properties", "quantity", "shared_memory_bytes"]

COMPONENT = "singleuser-server"
PORT = 8888

SMALL_CPU = "50m"
SMALL_MEMORY_BYTES = 256 * 2**20
"""What an idle server needs. Without a request of its own, Kubernetes would keep the whole limit for each pod."""


def quantity(number_of_bytes: int) -> str:
    """Return a size as Kubernetes writes it."""
    for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if number_of_bytes % size == 0:
            return f"{number_of_bytes // size}{unit}"
    return str(number_of_bytes)


def shared_memory_bytes(profile: ProfileSettings) -> int | None:
    """Return the size of ``/dev/shm``: what the profile says, else half of the memory where it has a GPU; None: the container runtime's own, 64 MiB."""
    if profile.shared_memory_bytes is not None:
        return profile.shared_memory_bytes
    return profile.memory_bytes // 2 if profile.gpu is not None and profile.memory_bytes is not None else None


def common_labels(cluster: ClusterSettings) -> dict[str, str]:
    """Return the labels by which network policies and operators know people's pods and claims. KubeSpawner lays them over all others."""
    return {
        "app.kubernetes.io/name": "labyard",
        "app.kubernetes.io/instance": cluster.instance,
        "app.kubernetes.io/managed-by": "labyard-hub",
    }


def pod_properties(profile: ProfileSettings, image: str, cluster: ClusterSettings) -> dict[str, Any]:
    """Return KubeSpawner's traits for a server of `profile`.

    Parameters
    ----------
    image
        The image's whole reference.
    """
    pods = cluster.pods
    return {
        "image": image,
        "image_pull_policy": pods.image_pull_policy or _pull_policy(image),
        "image_pull_secrets": list(pods.image_pull_secrets),
        **_resources(profile),
        "node_selector": {**pods.node_selector, **profile.node_selector},
        "tolerations": [_toleration(one) for one in (*pods.tolerations, *profile.tolerations)],
        **_security(cluster),
        "extra_labels": {**pods.labels, "labyard.io/profile": profile.name},
        "extra_annotations": dict(pods.annotations),
        "priority_class_name": pods.priority_class or "",
        "scheduler_name": pods.scheduler,
        "service_account": cluster.service_account,
        "automount_service_account_token": False,
        "delete_grace_period": int(pods.termination_grace_seconds),
        "extra_pod_config": {
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": int(pods.termination_grace_seconds),
            # A server that ends has a reason, which is told; started again by itself it would fail again, and nobody would know of what it lost.
            "restartPolicy": "Never",
        },
    }


def _resources(profile: ProfileSettings) -> dict[str, Any]:
    gpu, requests = profile.gpu, {}
    if profile.cpu_guarantee_cores is None:
        requests["cpu"] = SMALL_CPU if profile.cpu_cores is None or profile.cpu_cores > 0.05 else str(profile.cpu_cores)
    if profile.memory_guarantee_bytes is None:
        requests["memory"] = quantity(min(SMALL_MEMORY_BYTES, profile.memory_bytes or SMALL_MEMORY_BYTES))
    return {
        "cpu_limit": profile.cpu_cores,
        "cpu_guarantee": profile.cpu_guarantee_cores,
        "mem_limit": profile.memory_bytes,
        "mem_guarantee": profile.memory_guarantee_bytes,
        "extra_resource_guarantees": requests,
        "extra_resource_limits": {gpu.resource: str(gpu.count)} if gpu is not None else {},
    }


def _security(cluster: ClusterSettings) -> dict[str, Any]:
    """Return what the Pod Security Standard ``restricted`` asks for, and more."""
    pods = cluster.pods
    return {
        "uid": pods.user_id,
        "gid": pods.group_id,
        "fs_gid": pods.group_id,
        "allow_privilege_escalation": False,
        "pod_security_context": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            # A home with a million files would else be walked at each start.
            "fsGroupChangePolicy": "OnRootMismatch",
        },
        "container_security_context": {"capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": pods.read_only_root},
    }


def _toleration(toleration: Toleration) -> dict[str, Any]:
    names = {"key": "key", "operator": "operator", "value": "value", "effect": "effect", "toleration_seconds": "tolerationSeconds"}
    values = {there: getattr(toleration, here) for here, there in names.items()}
    return {name: value for name, value in values.items() if value not in ("", None)}


def _pull_policy(image: str) -> str:
    """Return Kubernetes' own rule: a tag that moves is looked up each time."""
    name = image.rpartition("/")[2]
    return "Always" if "@" not in name and (":" not in name or name.endswith(":latest")) else "IfNotPresent"
