"""What a pod must look like to be taken, and what is filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fake_kubernetes.errors import Cause
from tests.fake_kubernetes.names import DNS_LABEL, label_cause
from tests.fake_kubernetes.quantities import is_quantity, parse_quantity

__all__ = ["check_pod", "complete_pod"]

_VARIABLE = re.compile(r"[^=\x00-\x1f\x7f-\xff]+")
_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def complete_pod(pod: dict[str, Any]) -> None:
    """Fill in a server's defaults, the service account's token among them."""
    spec = pod["spec"]
    for key, value in (
        ("restartPolicy", "Always"), ("dnsPolicy", "ClusterFirst"), ("schedulerName", "default-scheduler"), ("serviceAccountName", "default"),
        ("terminationGracePeriodSeconds", 30), ("securityContext", {}), ("enableServiceLinks", True), ("preemptionPolicy", "PreemptLowerPriority"),
    ):  # fmt: skip
        spec.setdefault(key, value)
    for container in [*spec.get("initContainers", ()), *spec.get("containers", ())]:
        image = str(container.get("image", ""))
        latest = image.endswith(":latest") or ":" not in image.rpartition("/")[2]
        container.setdefault("imagePullPolicy", "Always" if latest and "@" not in image else "IfNotPresent")
        resources = container.setdefault("resources", {})
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
    if spec.get("automountServiceAccountToken", True):
        _mount_token(spec)
    pod["status"] = {"phase": "Pending", "qosClass": "Burstable"}


def _mount_token(spec: dict[str, Any]) -> None:
    name = "kube-api-access-fake0"
    source = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    spec.setdefault("volumes", []).append({"name": name, "projected": {"defaultMode": 420, "sources": [source]}})
    for container in spec["containers"]:
        container.setdefault("volumeMounts", []).append({"name": name, "mountPath": _ACCOUNT_FOLDER, "readOnly": True})


def check_pod(spec: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what is wrong with a pod's specification."""
    volumes: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        yield from _check_volume(volume, f"spec.volumes[{index}]", volumes)
    containers = spec.get("containers") or ()
    if not containers:
        yield Cause("spec.containers", "FieldValueRequired", "Required value")
    names: set[str] = set()
    for kind, some in (("initContainers", spec.get("initContainers") or ()), ("containers", containers)):
        for index, container in enumerate(some):
            yield from _check_container(container, f"spec.{kind}[{index}]", names, volumes)
    if spec.get("restartPolicy") not in ("Always", "OnFailure", "Never"):
        yield Cause(
            "spec.restartPolicy",
            "FieldValueNotSupported",
            f'Unsupported value: "{spec.get("restartPolicy")}": supported values: "Always", "OnFailure", "Never"',
        )
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        if not toleration.get("key") and toleration.get("operator") != "Exists":
            at = f"spec.tolerations[{index}].operator"
            yield Cause(
                at,
                "FieldValueInvalid",
                f'Invalid value: "{toleration.get("operator", "")}": operator must be Exists when `key` is empty, which means "match all values and all keys"',
            )
        if toleration.get("operator") == "Exists" and toleration.get("value"):
            at = f"spec.tolerations[{index}].operator"
            yield Cause(
                at, "FieldValueInvalid", f"Invalid value: \"{toleration['value']}\": value must be empty when `operator` is 'Exists'"
            )


def _check_volume(volume: Mapping[str, Any], at: str, seen: set[str]) -> Iterator[Cause]:
    name = str(volume.get("name", ""))
    if not DNS_LABEL.fullmatch(name):
        yield label_cause(f"{at}.name", name)
    if name in seen:
        yield Cause(f"{at}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"')
    seen.add(name)
    kinds = [key for key, value in volume.items() if key != "name" and value is not None]
    if len(kinds) > 1:
        yield Cause(f"{at}.{kinds[1]}", "FieldValueForbidden", "Forbidden: may not specify more than 1 volume type")
    limit = (volume.get("emptyDir") or {}).get("sizeLimit")
    if limit is not None and not is_quantity(limit):
        yield Cause(
            f"{at}.emptyDir.sizeLimit", "FieldValueInvalid", f'Invalid value: "{limit}": quantities must match the regular expression'
        )


def _check_container(container: Mapping[str, Any], at: str, names: set[str], volumes: set[str]) -> Iterator[Cause]:
    name = str(container.get("name", ""))
    if not DNS_LABEL.fullmatch(name):
        yield label_cause(f"{at}.name", name)
    if name in names:
        yield Cause(f"{at}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"')
    names.add(name)
    image = str(container.get("image") or "")
    if not image:
        yield Cause(f"{at}.image", "FieldValueRequired", "Required value")
    elif image != image.strip():
        yield Cause(f"{at}.image", "FieldValueInvalid", f'Invalid value: "{image}": must not have leading or trailing whitespace')
    yield from _check_mounts(container.get("volumeMounts") or (), at, volumes)
    yield from _check_variables_and_ports(container, at)
    yield from _check_resources(container.get("resources") or {}, f"{at}.resources")
    context = container.get("securityContext") or {}
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        yield Cause(
            f"{at}.securityContext",
            "FieldValueInvalid",
            "Invalid value: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        )


def _check_variables_and_ports(container: Mapping[str, Any], at: str) -> Iterator[Cause]:
    for index, variable in enumerate(container.get("env") or ()):
        if not _VARIABLE.fullmatch(str(variable.get("name", ""))):
            yield Cause(
                f"{at}.env[{index}].name",
                "FieldValueInvalid",
                f"Invalid value: \"{variable.get('name', '')}\": a valid environment variable name must consist only of printable ASCII characters other than '='",
            )
    for index, port in enumerate(container.get("ports") or ()):
        if len(str(port.get("name", ""))) > 15:
            yield Cause(
                f"{at}.ports[{index}].name", "FieldValueInvalid", f'Invalid value: "{port["name"]}": must be no more than 15 characters'
            )
        if not 0 < int(port.get("containerPort", 0)) < 65536:
            yield Cause(
                f"{at}.ports[{index}].containerPort",
                "FieldValueInvalid",
                f"Invalid value: {port.get('containerPort', 0)}: must be between 1 and 65535, inclusive",
            )


def _check_mounts(mounts: Any, at: str, volumes: set[str]) -> Iterator[Cause]:
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{at}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            yield Cause(f"{here}.name", "FieldValueNotFound", f'Not found: "{mount.get("name", "")}"')
        path = str(mount.get("mountPath") or "")
        if not path:
            yield Cause(f"{here}.mountPath", "FieldValueRequired", "Required value")
        elif ":" in path:
            yield Cause(f"{here}.mountPath", "FieldValueInvalid", f"Invalid value: \"{path}\": must not contain ':'")
        elif path in paths:
            yield Cause(f"{here}.mountPath", "FieldValueInvalid", f'Invalid value: "{path}": must be unique')
        paths.add(path)
        inside = str(mount.get("subPath") or "")
        if inside.startswith("/"):
            yield Cause(f"{here}.subPath", "FieldValueInvalid", f'Invalid value: "{inside}": must be a relative path')
        elif ".." in inside.split("/"):
            yield Cause(f"{here}.subPath", "FieldValueInvalid", f"Invalid value: \"{inside}\": must not contain '..'")


def _check_resources(resources: Mapping[str, Any], at: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for kind, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            here = f"{at}.{kind}[{name}]"
            if not is_quantity(value) or parse_quantity(value) < 0:
                yield Cause(here, "FieldValueInvalid", f'Invalid value: "{value}": must be greater than or equal to 0')
                return
            if "/" not in name and name not in ("cpu", "memory", "ephemeral-storage") and not name.startswith("hugepages-"):
                yield Cause(here, "FieldValueInvalid", f'Invalid value: "{name}": must be a standard resource for containers')
            if "/" in name and parse_quantity(value) % 1:
                yield Cause(here, "FieldValueInvalid", f'Invalid value: "{value}": must be an integer')
    for name, value in requests.items():
        if name in limits and parse_quantity(value) > parse_quantity(limits[name]):
            yield Cause(
                f"{at}.requests",
                "FieldValueInvalid",
                f'Invalid value: "{value}": must be less than or equal to {name} limit of {limits[name]}',
            )
        if "/" in name and parse_quantity(value) != parse_quantity(limits.get(name, -1)):
            yield Cause(
                f"{at}.limits", "FieldValueRequired", f"Required value: Limit must be set for non overcommitable resources ({name})"
            )
