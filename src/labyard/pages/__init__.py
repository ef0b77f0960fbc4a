"""Error pages in the one look, for parts that answer without the hub: the outer proxy and people's servers.

A page carries its stylesheet, so that it looks right while everything else is away. The hub's and the service's pages link to the same stylesheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path

__all__ = ["ERROR_PAGE_POLICY", "MARK", "STYLESHEET", "Way", "error_page", "heading_of", "sentence"]

STYLESHEET = Path(__file__).parent / "base.css"
"""What all pages have in common."""

MARK = (
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">'
    '<rect x="3" y="3" width="26" height="26" rx="6" fill="none" stroke="currentColor" stroke-width="3"/>'
    '<path fill="currentColor" d="M9 3h7v26H9a6 6 0 0 1-6-6V9a6 6 0 0 1 6-6z"/>'
    '<rect fill="currentColor" x="20" y="9" width="5" height="5" rx="1.2"/><rect fill="currentColor" x="20" y="18" width="5" height="5" rx="1.2"/></svg>'
)
"""Labyard's mark, as a picture in the page."""

ERROR_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
"""Content security policy of an error page: it loads nothing."""

Way = tuple[str, str]
"""A way on: the button's text, and the address."""

_HEADINGS = {
    403: "This is not allowed",
    404: "There is nothing here",
    429: "Too much at once",
    502: "The connection was lost",
    503: "Not reachable at the moment",
    504: "No answer in time",
}


def heading_of(status: int) -> str:
    """Return what a page says above the reason for `status`."""
    return _HEADINGS.get(status, "Something went wrong here" if status >= 500 else "This did not work")


def sentence(text: str) -> str:
    """Return a message, which begins small and has no end, as a sentence."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?", "!")) else ".")


def error_page(
    status: int, reason: str, ways: Sequence[Way], *, retry_seconds: int | None = None, heading: str = "", user: str = "", hub: str = ""
) -> str:
    """Return a page that says what happened and where to go from here.

    Parameters
    ----------
    reason
        What happened, why, and what to do, as plain text.
    ways
        Ways on. The first one stands out, and Labyard's name at the top leads there too.
    retry_seconds
        The page loads again after this time. None: it stays.
    heading
        Empty: by the status.
    user, hub
        Who sees it and the address of the hub's pages, such as ``/hub/``, for the user's menu. Empty: there is none.
    """
    title = escape(heading or heading_of(status))
    refresh = f'\n    <meta http-equiv="refresh" content="{retry_seconds}">' if retry_seconds is not None else ""
    again = '<p class="hint">This page tries again by itself.</p>' if retry_seconds is not None else ""
    # In a tab of JupyterLab the page is in a frame, and the ways on are for the whole window.
    buttons = " ".join(
        f'<a class="button{"" if number else " main"}" target="_top" href="{escape(address)}">{escape(text)}</a>'
        for number, (text, address) in enumerate(ways)
    )
    home = escape(ways[0][1])
    return f"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>{title} · Labyard</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">{refresh}
    <style>{_stylesheet()}</style>
  </head>
  <body>
    <header class="top"><div><a class="brand" target="_top" href="{home}">{MARK}<span>Labyard</span></a>{_menu(user, hub) if user else ""}</div></header>
    <main id="main" class="narrow">
      <div class="alone">
        <div>
          <p class="code-number">{status}</p>
          <h1>{title}</h1>
        </div>
        <div class="card">
          <p>{escape(reason)}</p>
          {again}
          <p class="actions">{buttons}</p>
        </div>
      </div>
    </main>
  </body>
</html>
"""


def _menu(user: str, hub: str) -> str:
    """Return the menu of the hub's pages."""
    entries = (("Account", "account"), ("Tokens for programs", "token"), ("Sign out", "logout"))
    links = "".join(f'<a target="_top" href="{escape(hub)}{page}">{text}</a>' for text, page in entries)
    return f'<div class="end"><details class="menu"><summary>{escape(user)}</summary><div>{links}</div></details></div>'


@cache
def _stylesheet() -> str:
    return STYLESHEET.read_text()
