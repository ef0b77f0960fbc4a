"""Sends requests over HTTP: the only part of which there are two."""

from __future__ import annotations

import logging
import ssl
import time
from typing import Any, TypeVar

import httpx

from labyard._version import __version__
from labyard.client.answers import connection_error, read_answer, seconds_to_wait
from labyard.client.calls import Call
from labyard.client.loopback import AsyncLoopback, Loopback
from labyard.exceptions import UsageError
from labyard.settings import Connection, is_loopback

__all__ = ["DEFAULT_TIMEOUT_SECONDS", "AsyncHttp", "SyncHttp"]

DEFAULT_TIMEOUT_SECONDS = 30.0

T = TypeVar("T")

_log = logging.getLogger("labyard.client")


class _Http:
    """What both share: how a request is made, and what is logged, which is never a token or a body."""

    def __init__(self, url: str, token: str | None, timeout_seconds: float) -> None:
        if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageError("the token has characters that no token has. Was it copied whole, without quotes?")
        self.url = url
        self._token = token
        self._timeout_seconds = timeout_seconds

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def _settings(self) -> dict[str, Any]:
        return {
            "timeout": self._timeout_seconds,
            "headers": {"User-Agent": f"labyard/{__version__}", "Accept": "application/json"},
            # Without TLS nothing is read from the list of authorities, whose import is a tenth of a read. Redirects are not followed.
            **({"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)} if self.url.startswith("http://") else {}),
            # This machine is never reached through a proxy, whatever the environment says.
            **({"mounts": {"http://": None, "https://": None}} if is_loopback(self.url) else {}),
        }  # fmt: skip

    def _request(self, client: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
        body = call.body.model_dump(mode="json", exclude_unset=True) if call.body is not None else None
        headers = {**call.headers, **({"Authorization": f"Bearer {self._token}"} if call.signed and self._token is not None else {})}
        query = {name: value for name, value in call.query.items() if value is not None}
        return client.build_request(call.method, f"{self.url}{call.base}{call.path}", params=query, json=body, headers=headers)

    def _wait(self, call: Call[Any], answer: httpx.Response, attempt: int) -> float | None:
        seconds = seconds_to_wait(call, answer, attempt)
        _log.debug("%s %s: %s%s", call.method, call.path, answer.status_code, f", again in {seconds:g} s" if seconds is not None else "")
        return seconds

    def _gone(self, call: Call[Any], error: httpx.TransportError, attempt: int) -> None:
        """Return if `call` is worth another attempt at once: a connection that was kept open may end just as it is used."""
        if call.safe and attempt == 1 and isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
            _log.debug("%s %s: the connection ended, again", call.method, call.path)
            return
        raise connection_error(self.url, error, self._timeout_seconds) from error


class SyncHttp(_Http):
    """Waits for each answer.

    Parameters
    ----------
    url
        The platform's normal address.
    token
        None: nobody.
    timeout_seconds
        How long to wait for a connection, and for each part of an answer.
    """

    def __init__(self, url: str, token: str | None, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        super().__init__(url, token, timeout_seconds)
        self._client = httpx.Client(**self._settings(), transport=Loopback() if is_loopback(url) else None)

    @classmethod
    def of(cls, connection: Connection, timeout_seconds: float) -> SyncHttp:
        """Return the transport for a connection."""
        return cls(connection.url, connection.token, timeout_seconds)

    def send(self, call: Call[T]) -> T:
        """Return the answer to a request, and to those that follow from it."""
        answer = self._ask(call)
        return self.send(call.then(answer)) if call.then is not None else answer

    def _ask(self, call: Call[T]) -> T:
        attempt = 1
        while True:
            try:
                answer = self._client.send(self._request(self._client, call))
            except httpx.TransportError as error:
                self._gone(call, error, attempt)
            else:
                seconds = self._wait(call, answer, attempt)
                if seconds is None:
                    return read_answer(call, answer)
                time.sleep(seconds)
            attempt += 1

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class AsyncHttp(_Http):
    """Lets other things go on meanwhile. The parameters are those of `SyncHttp`."""

    def __init__(self, url: str, token: str | None, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        super().__init__(url, token, timeout_seconds)
        self._client = httpx.AsyncClient(**self._settings(), transport=AsyncLoopback() if is_loopback(url) else None)

    @classmethod
    def of(cls, connection: Connection, timeout_seconds: float) -> AsyncHttp:
        """Return the transport for a connection."""
        return cls(connection.url, connection.token, timeout_seconds)

    async def send(self, call: Call[T]) -> T:
        """Return the answer to a request, and to those that follow from it."""
        answer = await self._ask(call)
        return await self.send(call.then(answer)) if call.then is not None else answer

    async def _ask(self, call: Call[T]) -> T:
        attempt = 1
        while True:
            try:
                answer = await self._client.send(self._request(self._client, call))
            except httpx.TransportError as error:
                self._gone(call, error, attempt)
            else:
                seconds = self._wait(call, answer, attempt)
                if seconds is None:
                    return read_answer(call, answer)
                import asyncio  # noqa: PLC0415  # the command line never needs it

                await asyncio.sleep(seconds)
            attempt += 1

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
