"""Patches: JSON (RFC 6902), merge (RFC 7386), and a strategic merge that knows lists by name."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_kubernetes.errors import ApiError, bad_request, unsupported_media_type

__all__ = ["apply_patch"]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


def apply_patch(kind: str, item: dict[str, Any], patch: Any) -> dict[str, Any]:
    """Return `item` with a patch of the media type `kind` applied.

    Raises
    ------
    ApiError
        415 for another kind, 400 and 422 for what cannot be applied.
    """
    if kind == JSON_PATCH:
        if not isinstance(patch, list):
            raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
        for step in patch:
            item = _step(item, step)
        return item
    if kind not in (MERGE_PATCH, STRATEGIC_PATCH):
        raise unsupported_media_type(kind)
    if not isinstance(patch, dict):
        raise bad_request("the patch must be an object")
    merged: dict[str, Any] = _merge(item, patch, by_name=kind == STRATEGIC_PATCH)
    return merged


def _merge(value: Any, patch: Any, *, by_name: bool) -> Any:
    if isinstance(patch, dict):
        found = dict(value) if isinstance(value, dict) else {}
        for key, one in patch.items():
            if one is None:
                found.pop(key, None)
            else:
                found[key] = _merge(found.get(key), one, by_name=by_name)
        return found
    if by_name and isinstance(patch, list) and isinstance(value, list) and all(isinstance(one, dict) and "name" in one for one in patch):
        named = {one["name"]: one for one in value}
        return list({**named, **{one["name"]: _merge(named.get(one["name"]), one, by_name=True) for one in patch}}.values())
    return patch


def _step(item: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(item))
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in str(step.get("path", "")).lstrip("/").split("/")]
    try:
        place: Any = changed
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        key: Any = last if isinstance(place, dict) else len(place) if last == "-" else int(last)
        match step.get("op"):
            case "add":
                place.insert(key, step["value"]) if isinstance(place, list) else place.__setitem__(key, step["value"])
            case "replace":
                place[key], _ = step["value"], place[key]
            case "remove":
                del place[key]
            case "test":
                if place[key] != step["value"]:
                    raise ValueError
            case _:
                raise ValueError
    except (KeyError, IndexError, ValueError, TypeError):
        raise ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {json.dumps(step)}") from None
    return changed
