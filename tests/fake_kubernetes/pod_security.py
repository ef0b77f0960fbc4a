"""The Pod Security Standard ``restricted``, as namespaces can ask for it by the label ``pod-security.kubernetes.io/enforce``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["ENFORCE_LABEL", "violations"]

ENFORCE_LABEL = "pod-security.kubernetes.io/enforce"

_ALLOWED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image"}


def violations(level: str, spec: Mapping[str, Any]) -> list[str]:
    """Return what of `level` a pod breaks, in the server's own words; nothing for ``privileged``."""
    if level == "privileged":
        return []
    return [*_baseline(spec), *(_restricted(spec) if level == "restricted" else ())]


def _containers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _baseline(spec: Mapping[str, Any]) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield f"host namespaces ({key}=true)"
    for container in _containers(spec):
        if (container.get("securityContext") or {}).get("privileged"):
            yield f'privileged (container "{container["name"]}" must not set securityContext.privileged=true)'
    for volume in spec.get("volumes") or ():
        if "hostPath" in volume:
            yield f'hostPath volumes (volume "{volume["name"]}")'


def _restricted(spec: Mapping[str, Any]) -> Iterator[str]:
    whole = spec.get("securityContext") or {}
    for container in _containers(spec):
        name, own = container["name"], container.get("securityContext") or {}
        if own.get("allowPrivilegeEscalation") is not False:
            yield f'allowPrivilegeEscalation != false (container "{name}" must set securityContext.allowPrivilegeEscalation=false)'
        capabilities = own.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()) or set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
            yield f'unrestricted capabilities (container "{name}" must set securityContext.capabilities.drop=["ALL"])'
        if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
            yield f'runAsNonRoot != true (pod or container "{name}" must set securityContext.runAsNonRoot=true)'
        if own.get("runAsUser", whole.get("runAsUser")) == 0:
            yield f'runAsUser=0 (container "{name}" must not set runAsUser=0)'
        if (own.get("seccompProfile", whole.get("seccompProfile")) or {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f'seccompProfile (pod or container "{name}" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    for volume in spec.get("volumes") or ():
        for kind in set(volume) - _ALLOWED_VOLUMES - {"name", "hostPath"}:
            yield f'restricted volume types (volume "{volume["name"]}" uses restricted volume type "{kind}")'
