"""Reads from a platform by Python's own HTTP client: httpx and the wire models take several times as long to import as such a command's answer.

Only plain answers are read here. Whatever else comes, an error, a proxy on the way, somebody who is no platform, gives None, and the command asks once more with
`labyard.client`, which knows what to say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from labyard._version import __version__
from labyard.settings import find_connection, is_loopback

__all__ = ["Answer", "read", "read_pages"]

API_PATH = "services/labyard/api/v1/"
TIMEOUT_SECONDS = 30.0
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


class Word(str):
    """A text of an answer, also where the wire model has an enumeration."""

    __slots__ = ()

    @property
    def value(self) -> str:
        """Return the text, as an enumeration does."""
        return str(self)


class Answer:
    """What a platform answered, with the names of the wire model."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._fields[name]
        except KeyError:
            raise AttributeError(name) from None
        return Word(value) if isinstance(value, str) else Answer(value) if isinstance(value, dict) else value

    def model_dump(self, *, mode: str) -> Mapping[str, Any]:  # noqa: ARG002  # the wire model's signature
        """Return all of it, as it came."""
        return self._fields


def read(*path: str, timeout_seconds: float = TIMEOUT_SECONDS, **query: str | int) -> Answer | None:
    """Return the answer to a GET of `path`; None: ask with the client.

    Raises
    ------
    TimeoutError
        If nothing answers.
    LabyardError
        If it is not known where to ask.
    """
    return next(_read(path, [query], timeout_seconds), None)


def read_pages(item: str, *path: str, timeout_seconds: float = TIMEOUT_SECONDS, **query: str | int) -> list[Answer] | None:
    """Return what is in the lists called `item` of all pages, as `read` would."""
    queries, found = [query], list[Answer]()
    for page in _read(path, queries, timeout_seconds):
        if page is None or not isinstance(getattr(page, item, None), list):
            return None
        found += map(Answer, getattr(page, item))
        following = getattr(page, "next_cursor", None)
        if following is not None:
            queries.append({**query, "cursor": following})
    return found


def _read(path: tuple[str, ...], queries: list[dict[str, str | int]], timeout_seconds: float) -> Iterator[Answer | None]:
    """Yield an answer for each query, over one connection, also for those that are added meanwhile."""
    where = find_connection()
    parts = urlsplit(where.url)
    by_proxy = any(os.environ.get(name) or os.environ.get(name.upper()) for name in PROXY_VARIABLES) and not is_loopback(where.url)
    odd = [one for one in path if one in ("", ".", "..") or "/" in one or not one.isprintable()]
    if by_proxy or odd or not (where.token.isascii() and where.token.isprintable() and " " not in where.token):
        yield None
        return
    headers = {"User-Agent": f"labyard/{__version__}", "Accept": "application/json", "Authorization": f"Bearer {where.token}"}
    target = f"{parts.path}{API_PATH}{'/'.join(quote(one, safe='') for one in path)}"
    connection = _connect(parts.scheme, parts.hostname or "", parts.port, timeout_seconds)
    try:
        for query in queries:
            connection.request("GET", f"{target}?{urlencode(query)}" if query else target, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            fields = json.loads(text) if answer.status == 200 and answer.headers.get_content_type() == "application/json" else None
            yield Answer(fields) if isinstance(fields, dict) else None
    except TimeoutError:
        raise
    except (OSError, HTTPException, ValueError):
        yield None
    finally:
        connection.close()


def _connect(scheme: str, host: str, port: int | None, timeout_seconds: float) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=timeout_seconds)
    import ssl

    import certifi

    # The authorities that httpx trusts.
    if os.environ.get("SSL_CERT_FILE"):
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    elif os.environ.get("SSL_CERT_DIR"):
        context = ssl.create_default_context(capath=os.environ["SSL_CERT_DIR"])
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    return HTTPSConnection(host, port, timeout=timeout_seconds, context=context)
