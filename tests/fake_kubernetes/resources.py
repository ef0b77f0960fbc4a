"""Which kinds of object there are."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RESOURCES", "Resource", "find_resource"]

_COMMON_FIELDS = ("metadata.name", "metadata.namespace")
_POD_FIELDS = ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP")
_EVENT_FIELDS = (
    "involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "involvedObject.uid", "involvedObject.apiVersion",
    "involvedObject.fieldPath", "involvedObject.resourceVersion", "reason", "reportingComponent", "type",
)  # fmt: skip


@dataclass(frozen=True)
class Resource:
    """One kind.

    Attributes
    ----------
    group
        API group; empty for the core.
    fields
        What a field selector may name beside name and namespace.
    label_name
        Whether names are DNS labels; else they are DNS subdomains.
    """

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    fields: tuple[str, ...] = ()
    label_name: bool = False

    @property
    def api_version(self) -> str:
        """As objects write it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def selectable(self) -> tuple[str, ...]:
        """What a field selector may name."""
        return (*_COMMON_FIELDS, *self.fields)


RESOURCES = (
    Resource("pods", "Pod", fields=_POD_FIELDS),
    Resource("events", "Event", fields=_EVENT_FIELDS),
    Resource("persistentvolumeclaims", "PersistentVolumeClaim"),
    Resource("secrets", "Secret", fields=("type",)),
    Resource("configmaps", "ConfigMap"),
    Resource("services", "Service", label_name=True),
    Resource("serviceaccounts", "ServiceAccount"),
    Resource("resourcequotas", "ResourceQuota"),
    Resource("namespaces", "Namespace", namespaced=False, label_name=True, fields=("status.phase",)),
    Resource("nodes", "Node", namespaced=False, fields=("spec.unschedulable",)),
    Resource("priorityclasses", "PriorityClass", "scheduling.k8s.io", namespaced=False),
    Resource("storageclasses", "StorageClass", "storage.k8s.io", namespaced=False),
    Resource("leases", "Lease", "coordination.k8s.io"),
    Resource("networkpolicies", "NetworkPolicy", "networking.k8s.io"),
)


def find_resource(group: str, version: str, plural: str) -> Resource | None:
    """Return the resource at that place of the API; None where there is none."""
    return next((one for one in RESOURCES if (one.group, one.version, one.plural) == (group, version, plural)), None)
