"""The two things that the map of routes is made of: the key of a path, and the address that it leads to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote, unquote_to_bytes, urlsplit

__all__ = ["address_of", "key_of"]


def key_of(path: str) -> str:
    """Return the key for paths that begin with `path`, which may be percent-encoded in any way and begin with a host name.

    HAProxy makes the same of each request's path (``url_dec,url_enc``), so one route matches all the ways in which browsers write an @ or a space. No key has a blank,
    a semicolon or a backslash in it, which mean something in the map's file and to the socket.
    """
    return quote(unquote_to_bytes(path), safe="")


def address_of(target: str) -> str:
    """Return ``host|port`` of a URL.

    Raises
    ------
    ValueError
        If it is no ``http`` URL of an IP address and nothing else. HAProxy looks up no names while it runs.
    """
    parts = urlsplit(target)
    if parts.scheme != "http" or parts.path not in ("", "/"):
        raise ValueError(f"a route can lead to http://HOST:PORT, not to {target!r}")
    return f"{ip_address(parts.hostname or '')}|{parts.port or 80}"
