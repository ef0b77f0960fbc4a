"""What people see when the proxy gets no answer from what it leads to."""

from __future__ import annotations

__all__ = ["PAGES"]


def _page(title: str, text: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="5"><title>{title}</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1.5rem; }} h1 {{ font-size: 1.5rem; }}</style></head>
<body><h1>{title}</h1><p>{text}</p><p>This page tries again by itself. <a href="/hub/home">Go to your servers</a></p></body></html>
"""


PAGES = {
    502: _page(
        "The connection was lost",
        "The server ended the connection before it had answered. It may have been stopped, or have run out of memory.",
    ),
    503: _page("Not reachable at the moment", "The server behind this address takes no connections. It may be starting or stopping."),
    504: _page("No answer in time", "The server behind this address took too long to answer."),
}
"""By status."""
