"""Reads from a platform by a small HTTP client: httpx and the wire models take several times as long to import as such a command's answer.

Only plain answers are read here. Whatever else comes, an error, a proxy on the way, somebody who is no platform, gives None, and the command asks once more with
`labyard.client`, which knows what to say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from labyard._version import __version__
from labyard.cli.wire import Connection, UnreadableError
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
    connection = None
    try:
        connection = Connection(parts.scheme, parts.hostname or "", parts.port, timeout_seconds)
        for query in queries:
            status, kind, text = connection.get(f"{target}?{urlencode(query)}" if query else target, headers)
            fields = json.loads(text) if status == 200 and kind == "application/json" else None
            yield Answer(fields) if isinstance(fields, dict) else None
    except TimeoutError:
        raise
    except (OSError, UnreadableError, ValueError):
        yield None
    finally:
        if connection is not None:
            connection.close()
