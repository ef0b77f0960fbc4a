"""Asks the labyard service on behalf of a visitor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import aiohttp
from yarl import URL

from labyard_lab.exceptions import PlatformAnswerError, PlatformPathError, PlatformUnavailableError

__all__ = ["PlatformAnswer", "PlatformService", "is_forwarded"]

_CONNECT_SECONDS = 3
_ANSWER_SECONDS = 25
"""Less than the front end waits, so that it hears why."""
_MAX_ANSWER_BYTES = 8 * 2**20

_ROUTES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (pattern, frozenset(methods.split()))
    for pattern, methods in (
        ("me", "GET"),
        ("shared-models", "GET"),
        ("links/preview", "POST"),
        ("links/join", "POST"),
        ("projects", "GET POST"),
        ("projects/*", "GET PATCH DELETE"),
        ("projects/*/archive", "POST"),
        ("projects/*/restore", "POST"),
        ("projects/*/transfer", "POST"),
        ("projects/*/members", "GET POST"),
        ("projects/*/members/*", "PATCH DELETE"),
        ("projects/*/candidates", "GET"),
        ("projects/*/links", "GET POST"),
        ("projects/*/links/*", "DELETE"),
        ("projects/*/events", "GET"),
        ("projects/*/server", "GET POST DELETE"),
        ("projects/*/tools", "GET POST"),
        ("projects/*/tools/*", "DELETE"),
        ("projects/*/models", "GET POST"),
        ("projects/*/models/*", "DELETE"),
    )
)
_HARMFUL = re.compile(r"[\x00-\x1f\x7f/\\]")


def is_forwarded(method: str, path: str) -> bool:
    """Return whether the front end may ask the service this. `path` is as it stands in the URL, below ``api/v1/``."""
    segments = path.split("/")
    for segment in segments:
        plain = unquote(segment)
        if plain in ("", ".", "..") or _HARMFUL.search(plain):
            return False
    for pattern, methods in _ROUTES:
        parts = pattern.split("/")
        if len(parts) == len(segments) and all(part in ("*", segment) for part, segment in zip(parts, segments, strict=True)):
            return method in methods
    return False


@dataclass(frozen=True)
class PlatformAnswer:
    """What the service answered.

    Attributes
    ----------
    status
        HTTP status.
    body
        JSON, or nothing.
    retry_after
        Header of that name, where there is one.
    """

    status: int
    body: bytes
    retry_after: str | None


class PlatformService:
    """The labyard service.

    Parameters
    ----------
    url
        Where it is, with a trailing slash.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/api/v1/"
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, path: str, query: str, token: str, body: bytes) -> PlatformAnswer:
        """Pass one request on.

        Parameters
        ----------
        path, query
            As they stand in the URL.
        token
            The visitor's own.
        body
            JSON; empty for none.

        Raises
        ------
        PlatformPathError
            If this is not for the front end to ask.
        PlatformUnavailableError
            If the service does not answer.
        PlatformAnswerError
            If its answer is none of the service's.
        """
        if not is_forwarded(method, path):
            raise PlatformPathError(method, path)
        headers = {"Content-Type": "application/json"} if body else {}
        return await self.fetch(method, URL(self._url + path + (f"?{query}" if query else ""), encoded=True), token, body, headers)

    async def fetch(
        self, method: str, target: URL, token: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> PlatformAnswer:
        """Send one request, which the caller answers for, to a part of the platform.

        Raises
        ------
        PlatformUnavailableError
            If nothing answers.
        PlatformAnswerError
            If the answer is no JSON, or leads elsewhere.
        """
        headers = {**(headers or {}), "Authorization": f"token {token}", "Accept": "application/json"}
        try:
            async with self._open().request(method, target, headers=headers, data=body or None, allow_redirects=False) as response:
                content = await response.content.read(_MAX_ANSWER_BYTES + 1)
                while len(content) <= _MAX_ANSWER_BYTES and (more := await response.content.read(_MAX_ANSWER_BYTES)):
                    content += more
                is_json = response.content_type == "application/json" or not content
                if not is_json or len(content) > _MAX_ANSWER_BYTES or 300 <= response.status < 400:
                    raise PlatformAnswerError(response.status)
                return PlatformAnswer(response.status, content, response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformUnavailableError from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS, sock_connect=_CONNECT_SECONDS)
            # No cookies are kept: the next request may be for another visitor.
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session
