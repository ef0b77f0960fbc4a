"""What the hub's REST API answered."""

from __future__ import annotations

from typing import Any

import httpx

from labyard_hub.exceptions import HubUnavailableError

__all__ = ["body_of"]


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the object that stands in an answer.

    Raises
    ------
    HubUnavailableError
        If the hub says that something went wrong, or nothing that we could read.
    """
    try:
        body = answer.raise_for_status().json()
    except (httpx.HTTPStatusError, ValueError):
        raise HubUnavailableError from None
    if not isinstance(body, dict):
        raise HubUnavailableError
    return body
