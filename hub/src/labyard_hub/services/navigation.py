"""Where a browser may be sent."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

__all__ = ["safe_target"]

MAX_LENGTH = 2000


def safe_target(target: str | None, base_url: str, default: str) -> str:
    r"""Return `target` if it is a URL path under `base_url` of this very site, `default` otherwise.

    Browsers read ``//host``, ``/\host`` and paths with tabs or line breaks in them as other sites, and some proxies decode once more, so the path
    must stay harmless however often it is decoded.
    """
    if not target or len(target) > MAX_LENGTH or not target.isprintable() or not target.isascii():
        return default
    whole = target
    while (once := unquote(whole)) != whole:
        whole = once
    for form in (target, whole):
        path = form.partition("?")[0].partition("#")[0]
        segments = path.split("/")
        if (
            not path.startswith(base_url)
            or path.startswith("//")
            or "\\" in form
            or not form.isprintable()
            or ".." in segments
            or "." in segments
        ):
            return default
    try:
        parts = urlsplit(target)
    except ValueError:
        return default
    return default if parts.scheme or parts.netloc else target
