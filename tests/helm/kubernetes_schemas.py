"""Kubernetes' own OpenAPI schemas, by version, from the package that carries them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
from referencing import Registry, Resource

FOLDER = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
VERSIONS = tuple(dict.fromkeys(one for one in kubernetes_validate.utils.all_versions() if tuple(map(int, one.split(".")[:2])) >= (1, 32)))
"""Those that the chart supports and the package has."""

# Objects of extensions, which Kubernetes' own schemas do not have: what the chart uses of them, closed.
_ANY_NAME = {"type": "string", "minLength": 1}
_META = {"type": "object"}
EXTENSIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): {
        "type": "object",
        "required": ["parentRefs", "rules"],
        "additionalProperties": False,
        "properties": {
            "parentRefs": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": dict.fromkeys(("name", "namespace", "sectionName", "group", "kind"), _ANY_NAME)
                    | {"port": {"type": "integer"}},
                },
            },
            "hostnames": {"type": "array", "items": _ANY_NAME},
            "rules": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "matches": {"type": "array"},
                        "timeouts": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {"request": {"pattern": r"^\d+(ms|s|m|h)$"}},
                        },
                        "backendRefs": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["name", "port"],
                                "additionalProperties": False,
                                "properties": {"name": _ANY_NAME, "port": {"type": "integer"}},
                            },
                        },
                    },
                },
            },
        },
    },
    ("monitoring.coreos.com/v1", "ServiceMonitor"): {
        "type": "object",
        "required": ["selector", "endpoints"],
        "additionalProperties": False,
        "properties": {
            "selector": {"type": "object", "required": ["matchLabels"]},
            "endpoints": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["port"],
                    "additionalProperties": False,
                    "properties": {
                        "port": _ANY_NAME,
                        "path": _ANY_NAME,
                        "interval": {"pattern": r"^\d+(s|m|h)$"},
                        "authorization": {"type": "object"},
                    },
                },
            },
        },
    },
}


@cache
def _registry(version: str) -> Registry[Any]:
    definitions = json.loads((FOLDER / f"v{version}-local-strict" / "_definitions.json").read_text())
    return Resource.from_contents(definitions) @ Registry()


@cache
def _validator(version: str, api_version: str, kind: str) -> Any:
    # rbac.authorization.k8s.io/v1 is rbac-v1 there
    name = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = json.loads((FOLDER / f"v{version}-local-strict" / f"{kind.lower()}-{name}.json").read_text())
    return jsonschema.Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _registry(version))


def problems(one: dict[str, Any], version: str) -> list[str]:
    """Return what the API server of `version` would refuse of an object by its schema, unknown fields included."""
    extension = EXTENSIONS.get((one["apiVersion"], one["kind"]))
    if extension is not None:
        errors = jsonschema.Draft202012Validator(extension).iter_errors(one["spec"])
    else:
        errors = _validator(version, one["apiVersion"], one["kind"]).iter_errors(one)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]
