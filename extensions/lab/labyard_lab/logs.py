"""What a server writes down of requests: no secret."""

from __future__ import annotations

import logging

from tornado.log import LogFormatter

from labyard.log_secrets import mask

__all__ = ["SecretFreeFormatter"]


class SecretFreeFormatter(LogFormatter):
    """Jupyter Server's. Tornado's own messages have whole addresses."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        return mask(super().format(record))
