"""What people see when the proxy gets no answer from what it leads to."""

from __future__ import annotations

from labyard.pages import error_page

__all__ = ["PAGES"]

RETRY_SECONDS = 5


def _page(status: int, reason: str) -> str:
    return error_page(status, reason, (("Home", "/hub/home"),), retry_seconds=RETRY_SECONDS)


PAGES = {
    502: _page(502, "The server ended the connection before it had answered. It may have been stopped, or have run out of memory."),
    503: _page(503, "The server behind this address takes no connections. It may be starting or stopping."),
    504: _page(504, "The server behind this address took too long to answer."),
}
"""By status."""
