"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.fake_kubernetes.errors import bad_request
from tests.fake_kubernetes.resources import Resource

__all__ = ["Matches", "parse_selectors", "value_at"]

Matches = Callable[[Mapping[str, Any]], bool]

_SET = re.compile(r"\s*([^\s!=,()]+)\s+(in|notin)\s+\(([^()]*)\)\s*")


def value_at(item: Mapping[str, Any], path: str) -> str:
    """Return the text at a dotted path, empty where there is nothing."""
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def parse_selectors(resource: Resource, labels: str, fields: str) -> Matches:
    """Return what decides whether an object is meant.

    Raises
    ------
    ApiError
        400 for a selector that cannot be read or names a field that cannot be selected by.
    """
    tests = [_label_test(part) for part in _split(labels)] + [_field_test(resource, part, labels, fields) for part in _split(fields)]
    return lambda item: all(test(item) for test in tests)


def _split(text: str) -> list[str]:
    """Split at commas that are in no parentheses."""
    return [part for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def _label_test(part: str) -> Matches:
    def labels(item: Mapping[str, Any]) -> Mapping[str, str]:
        return item.get("metadata", {}).get("labels") or {}

    found = _SET.fullmatch(part)
    if found:
        key, word, values = found[1], found[2], {value.strip() for value in found[3].split(",")}
        return (lambda item: labels(item).get(key) in values) if word == "in" else (lambda item: labels(item).get(key) not in values)
    key, sign, value = _comparison(part)
    if sign == "":
        return (lambda item: key[1:] not in labels(item)) if key.startswith("!") else (lambda item: key in labels(item))
    return (lambda item: labels(item).get(key) != value) if sign == "!=" else (lambda item: labels(item).get(key) == value)


def _field_test(resource: Resource, part: str, labels: str, fields: str) -> Matches:
    key, sign, value = _comparison(part)
    if sign == "":
        raise bad_request(f"invalid selector: '{fields}'; can't understand '{part}'")
    if key not in resource.selectable:
        raise bad_request(
            f'Unable to find "{resource.api_version}, Resource={resource.plural}" that match label selector "{labels}", '
            f'field selector "{fields}": field label not supported: {key}'
        )
    return (lambda item: value_at(item, key) != value) if sign == "!=" else (lambda item: value_at(item, key) == value)


def _comparison(part: str) -> tuple[str, str, str]:
    for sign in ("!=", "==", "="):
        key, found, value = part.partition(sign)
        if found:
            return key.strip(), "!=" if sign == "!=" else "=", value.strip()
    return part.strip(), "", ""
