"""How our own processes write their logs: no secret."""

from __future__ import annotations

from typing import Any

import structlog

from labyard.log_secrets import mask

__all__ = ["configure_logs"]


def configure_logs() -> None:
    """Write lines without secrets. Where Rich is installed, structlog would show each variable of a traceback's functions, tokens too."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer, _mask])


def _mask(_logger: Any, _method: str, line: Any) -> str:
    return mask(line)
