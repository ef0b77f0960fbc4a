"""Refuses unknown fields and wrong types by Kubernetes' own OpenAPI schemas.

The schemas are those that the package ``kubernetes-validate`` carries; only they are used, not its code, whose messages do not say where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from tests.fake_kubernetes.errors import bad_request
from tests.fake_kubernetes.resources import Resource

__all__ = ["VERSIONS", "check_schema"]

VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
"""Of Kubernetes."""

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
_GO_TYPES = {"string": "string", "integer": "int32", "number": "float64", "boolean": "bool", "object": "map", "array": "slice"}


def check_schema(resource: Resource, item: Mapping[str, Any], version: str) -> None:
    """Refuse what the schema of Kubernetes `version` does not know.

    Raises
    ------
    ApiError
        400, as a server answers with strict field validation.
    """
    schema = _read(
        version, f"{resource.kind.lower()}-{resource.group.partition('.')[0] + '-' if resource.group else ''}{resource.version}.json"
    )
    definitions = _read(version, "_definitions.json")["$defs"]
    unknown: list[str] = []
    for path, problem in _problems(item, schema, definitions, ""):
        if problem:
            raise bad_request(f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {problem}')
        unknown.append(f'unknown field "{path}"')
    if unknown:
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: strict decoding error: {", ".join(unknown)}'
        )


@cache
def _read(version: str, name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    return json.loads((folder / name).read_text())


def _problems(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, problem) of each fault; the problem is empty for a field that there is not."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if value is None:
        return
    if "oneOf" in schema:  # quantities and numbers-or-names
        schema = next((one for one in schema["oneOf"] if any(_is(value, kind) for kind in one["type"])), schema["oneOf"][0])
    kinds = schema.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds and not any(_is(value, kind) for kind in kinds):
        wanted = _GO_TYPES.get(next(iter(kinds - {"null"}), ""), "value")
        found = {bool: "bool", str: "string", list: "array", dict: "object"}.get(type(value), "number")
        yield path, f"json: cannot unmarshal {found} into Go struct field {path or 'object'} of type {wanted}"
        return
    if "enum" in schema and value not in schema["enum"] and value != "":
        yield path, f'Unsupported value: "{value}"'
    if isinstance(value, dict):
        yield from _problems_in_object(value, schema, definitions, path)
    elif isinstance(value, list) and "items" in schema:
        for index, one in enumerate(value):
            yield from _problems(one, schema["items"], definitions, f"{path}[{index}]")


def _problems_in_object(
    value: Mapping[str, Any], schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str]]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, one in value.items():
        here = f"{path}.{key}" if path else key
        if key in properties:
            yield from _problems(one, properties[key], definitions, here)
        elif isinstance(others, dict):
            yield from _problems(one, others, definitions, here)
        elif others is False:
            yield here, ""


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])
