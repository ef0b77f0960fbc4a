"""What a tool's tab shows when there is nothing to proxy to."""

from __future__ import annotations

import json

from labyard.exceptions import LabyardError
from labyard.pages import sentence
from labyard_lab.error_pages import server_page

__all__ = ["error_body"]


def error_body(error: LabyardError, accept: str, user: str) -> tuple[str, str]:
    """Return content type and text of the answer for a request of `user` with this ``Accept`` header."""
    if "text/html" not in accept:
        return "application/json", json.dumps(error.to_dict())
    heading = {"instance_starting": "Starting", "instance_not_running": "Not running"}.get(error.code, "")
    return "text/html; charset=utf-8", server_page(error.status_code, sentence(error.message), heading=heading, user=user)
