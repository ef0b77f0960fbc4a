"""Our errors as JupyterHub's error pages show them."""

from __future__ import annotations

from tornado import web

from labyard.exceptions import LabyardError

__all__ = ["http_error"]


def http_error(error: LabyardError) -> web.HTTPError:
    """Return the HTTP error for `error`: its status, its message, and ``Retry-After`` where it has one."""
    answer = web.HTTPError(error.status_code, "%s", error.message)
    wait = getattr(error, "retry_after_seconds", None)
    if wait is not None:
        answer.headers = {"Retry-After": str(wait)}  # type: ignore[attr-defined]  # JupyterHub reads it there
    return answer
