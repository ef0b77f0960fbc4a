"""Errors of this server as pages in the looks of all of Labyard's, where a browser wants to show them."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from tornado import web

from labyard.pages import ERROR_PAGE_POLICY, Way, error_page, sentence

__all__ = ["WithErrorPages", "server_page"]

_REASONS: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "This belongs to somebody else's server, or to a project that you are not in. Ask its owner for access.",
    HTTPStatus.NOT_FOUND: "The address may be mistyped, or the file may have been moved or removed.",
}
_OTHER_REASON = "Load the page again. If that does not help, stop the server on your home page and start it again."
_TOLD = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE})
"""Errors of a server whose own words are for people: the hub is away, the disk is full."""
RETRY_SECONDS = 2
"""When the page of something that is starting loads again."""


def server_page(status: int, reason: str, *, heading: str = "", user: str = "") -> str:
    """Return the page for `user` that says why a request was answered with `status`."""
    hub = f"{os.environ.get('JUPYTERHUB_HOST', '')}{os.environ.get('JUPYTERHUB_BASE_URL', '/').rstrip('/')}/hub/"
    retry = RETRY_SECONDS if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    ways: list[Way] = [("Home", f"{hub}home")]
    if user and user == os.environ.get("JUPYTERHUB_USER"):
        ways.append(("Open JupyterLab", f"{os.environ.get('JUPYTERHUB_SERVICE_PREFIX', '/')}lab"))
    return error_page(status, reason, ways, retry_seconds=retry, heading=heading, user=user, hub=hub)


class WithErrorPages:
    """A handler that shows its errors as pages to browsers, and says them in its own way to programs and scripts."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with what went wrong, and with when to ask again where that will help."""
        handler: Any = self
        if status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            handler.set_header("Retry-After", str(RETRY_SECONDS))
        if _wants_page(handler.request):
            _show(handler, status_code, _reason(status_code, kwargs.get("exc_info")))
        else:
            upstream: Any = super()
            upstream.write_error(status_code, **kwargs)


def _wants_page(request: Any) -> bool:
    """Return whether a browser wants to show the answer."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def _show(handler: Any, status: int, reason: str) -> None:
    """End the answer of `handler` with a page."""
    handler.set_status(status)
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.set_header("Content-Security-Policy", f"{ERROR_PAGE_POLICY}; frame-ancestors 'self'")
    handler.set_header("Cache-Control", "no-store")
    # Some handlers' own `finish` makes the answer JSON.
    web.RequestHandler.finish(handler, server_page(status, reason, user=getattr(handler, "asked_by", "")))


def _reason(status: int, exc_info: Any) -> str:
    error = exc_info[1] if exc_info else None
    message = ""
    if isinstance(error, web.HTTPError) and error.log_message and (status < HTTPStatus.INTERNAL_SERVER_ERROR or status in _TOLD):
        message = error.log_message % error.args if error.args else error.log_message
    return sentence(message) if message else _REASONS.get(status, _OTHER_REASON)
