"""Our errors as JupyterHub's error pages show them."""

from __future__ import annotations

from tornado import web
from tornado.log import app_log

from labyard.exceptions import LabyardError
from labyard_hub.storage.identity_errors import IdentityStoreError

__all__ = ["http_error"]


def http_error(error: LabyardError) -> web.HTTPError:
    """Return the HTTP error for `error`: its status, its message, and ``Retry-After`` where it has one."""
    message, status = error.message, error.status_code
    if isinstance(error, IdentityStoreError):
        # Where the file is, is nothing for a person who may not even have signed in.
        app_log.error("%s", message)
        message = "Labyard cannot read or write its list of users at the moment. Tell an administrator: the hub's log says why."
        if error.full:
            message, status = "Labyard cannot write its list of users, since the disk is full. Tell an administrator.", 507
    answer = web.HTTPError(status, "%s", message)
    wait = getattr(error, "retry_after_seconds", None)
    if wait is not None:
        answer.headers = {"Retry-After": str(wait)}  # type: ignore[attr-defined]  # JupyterHub reads it there
    return answer
