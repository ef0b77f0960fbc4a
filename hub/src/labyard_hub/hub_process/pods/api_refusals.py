"""What an API server said when it refused."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["api_message"]


def api_message(error: Any) -> str:
    """Return the message of a Status object in the answer that an ``ApiException`` holds; what else it says where there is none."""
    try:
        body = json.loads(error.body or "")
    except (TypeError, ValueError):
        body = None
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or error.reason or "no reason given")
