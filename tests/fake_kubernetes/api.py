"""Create, replace, patch and delete, with what a server checks before each."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fake_kubernetes.errors import Cause, already_exists, bad_request, conflict, forbidden, invalid, not_found
from tests.fake_kubernetes.names import check_metadata
from tests.fake_kubernetes.patches import apply_patch
from tests.fake_kubernetes.pod_rules import check_pod, complete_pod
from tests.fake_kubernetes.pod_security import ENFORCE_LABEL, violations
from tests.fake_kubernetes.quantities import parse_quantity
from tests.fake_kubernetes.resource_quota import over_quota
from tests.fake_kubernetes.resources import Resource, find_resource
from tests.fake_kubernetes.schemas import check_schema
from tests.fake_kubernetes.store import Store

__all__ = ["Api", "core", "now_text"]

Item = dict[str, Any]
PVC_PROTECTION = "kubernetes.io/pvc-protection"
DONE = ("Succeeded", "Failed")


def core(plural: str) -> Resource:
    """Return a resource of the core group."""
    found = find_resource("", "v1", plural)
    assert found is not None, plural  # our own word
    return found


def now_text(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """Return the time as objects write it."""
    return clock().strftime("%Y-%m-%dT%H:%M:%SZ")


class Api:
    """What clients can do with objects.

    Parameters
    ----------
    store
        The objects.
    version
        Of Kubernetes, such as ``1.36``.
    """

    def __init__(self, store: Store, version: str = "1.36") -> None:
        self.store, self.version = store, version

    def create(self, resource: Resource, namespace: str, item: Item) -> Item:
        """Take a new object."""
        self._check_kind(resource, item)
        metadata = item.setdefault("metadata", {})
        if resource.namespaced:
            if metadata.get("namespace", namespace) != namespace:
                raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
            metadata["namespace"] = namespace
            self._check_namespace(namespace)
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        item.pop("status", None) if resource.kind in ("Pod", "PersistentVolumeClaim") else None
        if resource.kind == "Pod" and isinstance(item.get("spec"), dict):
            complete_pod(item)
        self._check(resource, item)
        if self.store.get(resource, metadata.get("namespace", ""), metadata["name"]) is not None:
            raise already_exists(resource.plural, metadata["name"])
        self._admit(resource, item)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": now_text()}
        if resource.kind == "PersistentVolumeClaim":
            metadata["finalizers"] = [PVC_PROTECTION]
            item["status"] = {"phase": "Pending"}
        if resource.kind == "Namespace":
            item["status"] = {"phase": "Active"}
        made = self.store.put(resource, item)
        if resource.kind == "Namespace":
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": metadata["name"]}}
            self.create(core("serviceaccounts"), metadata["name"], account)
        return made

    def read(self, resource: Resource, namespace: str, name: str) -> Item:
        """Return one object."""
        found = self.store.get(resource, namespace, name)
        if found is None:
            raise not_found(resource.plural, name)
        return found

    def replace(self, resource: Resource, namespace: str, name: str, item: Item) -> Item:
        """Put a new state in an object's place."""
        self._check_kind(resource, item)
        before = self.read(resource, namespace, name)
        metadata = item.setdefault("metadata", {})
        if metadata.get("name", name) != name:
            raise bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")
        if metadata.get("uid", before["metadata"]["uid"]) != before["metadata"]["uid"]:
            raise conflict(
                resource.plural,
                name,
                f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {before['metadata']['uid']}",
            )
        if metadata.get("resourceVersion", before["metadata"]["resourceVersion"]) != before["metadata"]["resourceVersion"]:
            raise conflict(resource.plural, name)
        kept = ("uid", "creationTimestamp", "namespace", "name", "deletionTimestamp", "deletionGracePeriodSeconds")
        metadata |= {key: before["metadata"][key] for key in kept if key in before["metadata"]}
        if "status" in before:
            item["status"] = before["status"]
        self._check(resource, item)
        _check_immutable(resource, before, item)
        made = self.store.put(resource, item)
        return self._reap(resource, made)

    def patch(self, resource: Resource, namespace: str, name: str, kind: str, patch: Any) -> Item:
        """Change parts of an object."""
        return self.replace(resource, namespace, name, apply_patch(kind, self.read(resource, namespace, name), patch))

    def set_status(self, resource: Resource, namespace: str, name: str, status: Mapping[str, Any]) -> Item | None:
        """Write an object's status, as controllers do; None where it is gone."""
        item = self.store.get(resource, namespace, name)
        return self.store.put(resource, {**item, "status": {**item.get("status", {}), **status}}) if item is not None else None

    def delete(self, resource: Resource, namespace: str, name: str, options: Mapping[str, Any]) -> Item:
        """Remove an object, or mark it for who has to end first."""
        item = self.read(resource, namespace, name)
        metadata = item["metadata"]
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted and wanted != metadata["uid"]:
            raise conflict(
                resource.plural, name, f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {metadata['uid']}"
            )
        grace = options.get("gracePeriodSeconds")
        if resource.kind == "Pod":
            return self._delete_pod(resource, item, grace)
        if metadata.get("finalizers"):
            metadata.setdefault("deletionTimestamp", now_text())
            return self._reap(resource, self.store.put(resource, item))
        if resource.kind == "Namespace":
            for other, one in list(self.store.of_namespace(name)):
                self.store.remove(other, name, one["metadata"]["name"])
        self.store.remove(resource, namespace, name)
        return item

    def remove_pod(self, namespace: str, name: str) -> None:
        """Remove a pod that has ended, and what waited for that."""
        self.store.remove(core("pods"), namespace, name)
        claims = core("persistentvolumeclaims")
        for claim in self.store.find(claims, namespace):
            self._reap(claims, claim)

    def _delete_pod(self, resource: Resource, pod: Item, grace: int | None) -> Item:
        metadata, spec = pod["metadata"], pod["spec"]
        seconds = int(spec["terminationGracePeriodSeconds"] if grace is None else grace)
        if not spec.get("nodeName") or pod["status"]["phase"] in DONE or seconds == 0:
            self.remove_pod(metadata["namespace"], metadata["name"])
            return pod
        if "deletionTimestamp" not in metadata or seconds < metadata["deletionGracePeriodSeconds"]:
            metadata["deletionTimestamp"] = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
            metadata["deletionGracePeriodSeconds"] = seconds
            return self.store.put(resource, pod)
        return pod

    def _reap(self, resource: Resource, item: Item) -> Item:
        """Remove a claim that is marked once no pod has it."""
        metadata = item["metadata"]
        if resource.kind != "PersistentVolumeClaim" or "deletionTimestamp" not in metadata:
            return item
        for pod in self.store.find(core("pods"), metadata["namespace"]):
            for volume in pod["spec"].get("volumes", ()):
                if (volume.get("persistentVolumeClaim") or {}).get("claimName") == metadata["name"]:
                    return item
        self.store.remove(resource, metadata["namespace"], metadata["name"])
        return item

    def _check_kind(self, resource: Resource, item: Any) -> None:
        if not isinstance(item, dict):
            raise bad_request("the object provided is unrecognized (must be of type Object)")
        item.setdefault("kind", resource.kind)
        item.setdefault("apiVersion", resource.api_version)
        if (item["kind"], item["apiVersion"]) != (resource.kind, resource.api_version):
            raise bad_request(
                f"the API version in the data ({item['apiVersion']}) does not match the expected API version ({resource.api_version})"
            )
        check_schema(resource, item, self.version)

    def _check_namespace(self, namespace: str) -> None:
        found = self.store.get(core("namespaces"), "", namespace)
        if found is None:
            raise not_found("namespaces", namespace)

    @staticmethod
    def _check(resource: Resource, item: Mapping[str, Any]) -> None:
        causes = list(check_metadata(resource, item["metadata"]))
        if resource.kind == "Pod":
            causes += check_pod(item.get("spec") or {})
        if resource.kind == "PersistentVolumeClaim":
            causes += _check_claim(item.get("spec") or {})
        if causes:
            raise invalid(resource.kind, item["metadata"].get("name", ""), causes)

    def _admit(self, resource: Resource, item: Mapping[str, Any]) -> None:
        if not resource.namespaced:
            return
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        if resource.kind == "Pod":
            self._admit_pod(resource, item, namespace, name)
        quotas = self.store.find(core("resourcequotas"), namespace)
        why = (
            over_quota(resource, item, quotas, self.store.of_namespace(namespace)) if quotas and resource.kind != "ResourceQuota" else None
        )
        if why:
            raise forbidden(resource.plural, name, why)

    def _admit_pod(self, resource: Resource, item: Mapping[str, Any], namespace: str, name: str) -> None:
        spec = item["spec"]
        account = spec["serviceAccountName"]
        if self.store.get(core("serviceaccounts"), namespace, account) is None:
            raise forbidden(
                resource.plural, name, f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            )
        priority = spec.get("priorityClassName")
        classes = find_resource("scheduling.k8s.io", "v1", "priorityclasses")
        if priority and classes is not None and self.store.get(classes, "", priority) is None:
            raise forbidden(resource.plural, name, f"no PriorityClass with name {priority} was found")
        labels = self.read(core("namespaces"), "", namespace)["metadata"].get("labels") or {}
        broken = violations(labels.get(ENFORCE_LABEL, "privileged"), spec)
        if broken:
            raise forbidden(resource.plural, name, f'violates PodSecurity "{labels[ENFORCE_LABEL]}:latest": {", ".join(broken)}')


def _check_claim(spec: Mapping[str, Any]) -> list[Cause]:
    causes = []
    if not spec.get("accessModes"):
        causes.append(Cause("spec.accessModes", "FieldValueRequired", "Required value: at least 1 access mode is required"))
    size = (spec.get("resources") or {}).get("requests", {}).get("storage")
    if size is None:
        causes.append(Cause("spec.resources[storage]", "FieldValueRequired", "Required value"))
    elif parse_quantity(size) <= 0:
        causes.append(Cause("spec.resources[storage]", "FieldValueInvalid", f'Invalid value: "{size}": must be greater than zero'))
    return causes


def _check_immutable(resource: Resource, before: Item, after: Item) -> None:
    name, causes = before["metadata"]["name"], []
    if resource.kind == "Pod" and _fixed(before["spec"]) != _fixed(after.get("spec") or {}):
        causes.append(Cause("spec", "FieldValueForbidden", (
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
            "(allow it to be set to 1 if it was previously negative)"
        )))  # fmt: skip
    if resource.kind == "PersistentVolumeClaim":
        old, new = before["spec"], after.get("spec") or {}
        if {**old, "resources": None} != {**new, "resources": None}:
            causes.append(
                Cause(
                    "spec",
                    "FieldValueForbidden",
                    "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
                )
            )
        elif parse_quantity(new["resources"]["requests"]["storage"]) < parse_quantity(old["resources"]["requests"]["storage"]):
            causes.append(
                Cause("spec.resources.requests.storage", "FieldValueForbidden", "Forbidden: field can not be less than status.capacity")
            )
    if resource.kind in ("Secret", "ConfigMap") and before.get("immutable") and before.get("data") != after.get("data"):
        causes.append(Cause("data", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set"))
    if causes:
        raise invalid(resource.kind, name, causes)


def _fixed(spec: Mapping[str, Any]) -> Item:
    free = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
    found = {key: value for key, value in spec.items() if key not in free}
    for kind in ("containers", "initContainers"):
        if kind in found:
            found[kind] = [{**container, "image": ""} for container in found[kind]]
    return found
