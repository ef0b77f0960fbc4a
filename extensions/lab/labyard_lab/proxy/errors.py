"""How the proxy says that a tool cannot be shown: JSON for programs, a small page for people."""

from __future__ import annotations

import html
import json

from labyard.exceptions import LabyardError

__all__ = ["error_body"]

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">{refresh}<title>{title}</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }}
</style></head><body><main><h1>{title}</h1><p>{message}</p></main></body></html>
"""


def error_body(error: LabyardError, accept: str, *, refresh_seconds: int | None) -> tuple[str, str]:
    """Return content type and text of the answer.

    Parameters
    ----------
    accept
        The request's ``Accept`` header.
    refresh_seconds
        When the page asks again by itself; None: never.
    """
    if "text/html" not in accept:
        return "application/json", json.dumps(error.to_dict())
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds is not None else ""
    title = "Starting" if refresh_seconds is not None else "Not available"
    return "text/html; charset=utf-8", _PAGE.format(refresh=refresh, title=title, message=html.escape(error.message))
