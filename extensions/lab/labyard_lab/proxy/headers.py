"""Which headers pass between a browser and a tool, and how they change on the way. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit, urlunsplit

__all__ = [
    "HOP_BY_HOP",
    "USER_HEADER",
    "WEBSOCKET_HANDSHAKE",
    "WHOLE_HOST",
    "Prefix",
    "is_platform_cookie",
    "request_headers",
    "response_headers",
    "strip_cookies",
    "strip_token",
]

USER_HEADER = "X-Labyard-User"
"""Tells a tool who asks. What a client sends under this name reaches no tool."""

Headers = Iterable[tuple[str, str]]

# RFC 9110, section 7.6.1, and what older programs send.
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip

WEBSOCKET_HANDSHAKE = frozenset(
    {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol", "sec-websocket-accept"}
)

# A tool shares its host with the whole platform and may not speak for it; for frames see `response_headers`.
WHOLE_HOST = frozenset({"alt-svc", "clear-site-data", "service-worker-allowed", "strict-transport-security", "x-frame-options"})

_PLATFORM_COOKIE = re.compile(r"(__Host-|__Secure-)?(jupyterhub-.*|jupyter-.*|labyard-.*|service-.*|username-.*|_xsrf)", re.IGNORECASE)


@dataclass(frozen=True)
class Prefix:
    """Where a tool is served.

    Attributes
    ----------
    path
        URL path of the instance, with a trailing slash.
    strip
        Whether the tool believes to be served at ``/``.
    """

    path: str
    strip: bool

    def target(self, uri: str) -> str:
        """Return the request target for the tool from the browser's, byte for byte but for the prefix."""
        if not self.strip:
            return uri
        rest = uri[len(self.path) - 1 :] if uri.startswith(self.path[:-1]) else uri
        return rest if rest.startswith("/") else "/" + rest

    def own(self, path: str) -> str:
        """Return the browser's path for a path that the tool has named."""
        if not self.strip or path == self.path[:-1] or path.startswith(self.path):
            return path
        return self.path + path.lstrip("/")


def is_platform_cookie(name: str, session_cookie: str | None = None) -> bool:
    """Return whether a cookie of this name belongs to the hub or the server; `session_cookie` names the server's own."""
    return name == session_cookie or _PLATFORM_COOKIE.fullmatch(name) is not None


def strip_cookies(value: str, session_cookie: str | None = None) -> str:
    """Return a ``Cookie`` header without the platform's cookies."""
    kept = (one.strip() for one in value.split(";"))
    return "; ".join(one for one in kept if one and not is_platform_cookie(one.partition("=")[0].strip(), session_cookie))


def strip_token(url: str) -> str:
    """Return a URL or request target without the query parameter ``token``."""
    before, mark, fragment = url.partition("#")
    path, question, query = before.partition("?")
    if "token" not in query and "%" not in query:
        return url
    kept = [part for part in query.split("&") if not _is_token(part)]
    return path + (question if kept else "") + "&".join(kept) + mark + fragment


def _is_token(part: str) -> bool:
    return unquote_plus(part.partition("=")[0]) == "token"


def request_headers(
    headers: Headers,
    *,
    forward_credentials: bool,
    drop_authorization: bool,
    session_cookie: str | None,
    forwarded: dict[str, str],
    user: str | None = None,
) -> list[tuple[str, str]]:
    """Return the headers for the tool.

    Parameters
    ----------
    forward_credentials
        Whether the platform's credentials pass.
    drop_authorization
        Whether an ``Authorization`` header is the platform's and not the tool's.
    session_cookie
        Name of the server's own session cookie.
    forwarded
        ``X-Forwarded-...`` headers that are set where a proxy in front has not set them.
    user
        Who asks; None where the tool is not told.
    """
    headers = list(headers)
    named_by_connection = {word.strip().lower() for name, value in headers if name.lower() == "connection" for word in value.split(",")}
    dropped = HOP_BY_HOP | WEBSOCKET_HANDSHAKE | named_by_connection | {"expect"}
    passed: list[tuple[str, str]] = []
    for name, value in headers:
        lower = name.lower()
        # WSGI servers take underscores in a header's name for hyphens.
        if lower in dropped or lower.replace("_", "-") == USER_HEADER.lower():
            continue
        if not forward_credentials:
            if lower == "authorization" and drop_authorization:
                continue
            if lower == "cookie":
                value = strip_cookies(value, session_cookie)  # noqa: PLW2901
                if not value:
                    continue
            elif lower == "referer":
                value = strip_token(value)  # noqa: PLW2901
        passed.append((name, value))
    present = {name.lower() for name, _ in passed}
    passed += [(name, value) for name, value in forwarded.items() if name.lower() not in present]
    if user is not None:
        passed.append((USER_HEADER, user))
    return passed


def response_headers(
    headers: Headers, prefix: Prefix, *, host: str, upstream_hosts: Iterable[str], forward_credentials: bool, frame_ancestors: str
) -> Iterator[tuple[str, str]]:
    """Yield the headers for the browser.

    Parameters
    ----------
    host
        What the browser calls this server, with the port.
    upstream_hosts
        What the tool may call itself; a redirect there is one to its own path.
    frame_ancestors
        Which pages may show the tool in a frame, as in ``Content-Security-Policy``. It replaces the tool's own word on that: a tool
        does not know that it is shown in JupyterLab's tabs.
    """
    headers = list(headers)
    named_by_connection = {word.strip().lower() for name, value in headers if name.lower() == "connection" for word in value.split(",")}
    ours = {host, *upstream_hosts}
    for name, value in headers:
        lower = name.lower()
        if lower in HOP_BY_HOP or lower in named_by_connection or lower in WHOLE_HOST:
            continue
        if lower in ("location", "content-location"):
            yield name, _own_location(value, prefix, ours)
        elif lower == "set-cookie":
            cookie = _own_cookie(value, prefix, forward_credentials=forward_credentials)
            if cookie is not None:
                yield name, cookie
        elif lower == "content-security-policy":
            directives = (one.strip() for one in value.split(";"))
            kept = "; ".join(one for one in directives if one and not one.lower().startswith("frame-ancestors"))
            if kept:
                yield name, kept
        else:
            yield name, value
    yield "Content-Security-Policy", f"frame-ancestors {frame_ancestors}"


def _own_location(value: str, prefix: Prefix, ours: set[str]) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        return value
    if parts.netloc:
        if parts.netloc not in ours or parts.scheme not in ("", "http", "https"):
            return value
        # A path without a host keeps the browser where it is, whatever scheme and host it came by.
        return urlunsplit(("", "", prefix.own(parts.path or "/"), parts.query, parts.fragment))
    return urlunsplit(parts._replace(path=prefix.own(parts.path))) if parts.path.startswith("/") else value


def _own_cookie(value: str, prefix: Prefix, *, forward_credentials: bool) -> str | None:
    """Return a cookie that the browser sends to this tool alone; None if it would be taken for one of the platform's."""
    pair, *attributes = (part.strip() for part in value.split(";"))
    name = pair.partition("=")[0].strip()
    if not forward_credentials and is_platform_cookie(name):
        return None
    path = prefix.path
    kept = []
    for attribute in attributes:
        key, _, content = attribute.partition("=")
        if key.strip().lower() == "path":
            own = prefix.own(content.strip().strip('"') or "/")
            path = own if own.startswith(prefix.path) else prefix.path
        elif key.strip().lower() != "domain" and attribute:
            kept.append(attribute)
    if name.startswith("__Host-"):
        return None if not forward_credentials else value  # browsers accept such a cookie for the path / only
    return "; ".join([pair, *kept, f"Path={path}"])
