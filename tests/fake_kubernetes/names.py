"""Kubernetes' rules for names, labels and variables, with its own words for what breaks them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fake_kubernetes.errors import Cause
from tests.fake_kubernetes.resources import Resource

__all__ = ["DNS_LABEL", "check_metadata", "label_cause"]

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character "
    "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def label_cause(field: str, value: str) -> Cause:
    """Return the cause for what is no DNS label."""
    return Cause(field, "FieldValueInvalid", f'Invalid value: "{value}": {_LABEL_TEXT}')


def check_metadata(resource: Resource, metadata: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what is wrong with an object's name, labels and annotations."""
    name = metadata.get("name") or ""
    if not name:
        yield Cause("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")
    elif resource.label_name:
        if not DNS_LABEL.fullmatch(name):
            yield label_cause("metadata.name", name)
    elif len(name) > 253:
        yield Cause("metadata.name", "FieldValueInvalid", f'Invalid value: "{name}": must be no more than 253 bytes')
    elif not _SUBDOMAIN.fullmatch(name):
        yield Cause("metadata.name", "FieldValueInvalid", f'Invalid value: "{name}": {_SUBDOMAIN_TEXT}')
    yield from _check_labels(metadata.get("labels") or {})
    for key in metadata.get("annotations") or {}:
        if not _is_key(key.lower()):
            yield Cause(
                "metadata.annotations", "FieldValueInvalid", f'Invalid value: "{key}": name part must consist of alphanumeric characters'
            )


def _check_labels(labels: Mapping[str, str]) -> Iterator[Cause]:
    for key, value in labels.items():
        if not _is_key(key):
            yield Cause(
                "metadata.labels", "FieldValueInvalid", f'Invalid value: "{key}": name part must consist of alphanumeric characters'
            )
        if len(value) > 63:
            yield Cause("metadata.labels", "FieldValueInvalid", f'Invalid value: "{value}": must be no more than 63 bytes')
        elif not _VALUE.fullmatch(value):
            yield Cause("metadata.labels", "FieldValueInvalid", f'Invalid value: "{value}": {_VALUE_TEXT}')


def _is_key(key: str) -> bool:
    prefix, found, name = key.rpartition("/")
    return _KEY.fullmatch(name) is not None and (not found or (_SUBDOMAIN.fullmatch(prefix) is not None and len(prefix) <= 253))
