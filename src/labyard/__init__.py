"""Labyard: the command line, the client and the wire models."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from labyard._version import __version__

if TYPE_CHECKING:
    from labyard.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "__version__"]

# Whoever uses the package decides whether its log is shown.
logging.getLogger("labyard").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Import the clients when they are asked for: the command line's help needs neither httpx nor pydantic."""
    if name in ("AsyncClient", "Client"):
        from labyard import client  # noqa: PLC0415

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
