"""What the hub writes down of requests: no secret."""

from __future__ import annotations

import logging
from typing import Any

from jupyterhub import log
from tornado.httputil import HTTPHeaders

from labyard.log_secrets import mask

__all__ = ["SecretFreeFormatter", "log_request"]

LOGGED_HEADERS = ("Host", "Accept", "Content-Type", "Content-Length", "User-Agent", "X-Forwarded-For", "X-Request-Id")


class SecretFreeFormatter(log.CoroutineLogFormatter):  # type: ignore[misc]  # jupyterhub carries no types
    """JupyterHub's. Tornado's own messages have whole addresses."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        return mask(super().format(record))


def log_request(handler: Any) -> None:
    """Do as JupyterHub does, which writes down all headers of a request that failed but those that it knows to be secret."""
    if handler.get_status() >= 500:
        headers = handler.request.headers
        handler.request.headers = HTTPHeaders({name: headers[name] for name in LOGGED_HEADERS if name in headers})
    log.log_request(handler)
