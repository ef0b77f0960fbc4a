"""Passes HTTP requests on, neither bodies nor answers held in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from tornado import httputil, iostream, web

from labyard.exceptions import LabyardError
from labyard_lab.exceptions import InstanceNotReadyError, ToolUnreachableError
from labyard_lab.proxy.base import ProxyHandler, Target
from labyard_lab.proxy.errors import error_body
from labyard_lab.proxy.headers import response_headers

__all__ = ["HttpProxy"]

_MAX_BODY_BYTES = 2**40  # the tool, and the disk, decide what is too much
_QUEUED_CHUNKS = 4
_AUTO_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_RETRY_SECONDS = 1
_LOGGED_STATUS = 400


@web.stream_request_body
class HttpProxy(ProxyHandler):
    """An HTTP request that is passed on."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    _target: Target | None = None
    _answer: asyncio.Task[aiohttp.ClientResponse] | None = None
    _has_body = False
    _is_received = False
    _chunks: asyncio.Queue[bytes | None]
    _usage: contextlib.ExitStack

    async def prepare(self) -> None:  # type: ignore[override]
        """Send the request's head to the tool; its body follows as it comes in."""
        self._usage = contextlib.ExitStack()
        self._chunks = asyncio.Queue(_QUEUED_CHUNKS)
        await super().prepare()
        if self._finished:
            return
        await self.guard()
        if self._finished:
            return
        # The answer goes on as the tool has made it: not compressed a second time, not held back.
        self._transforms: list[Any] = []
        try:
            target = self._target = self.find()
        except LabyardError as error:
            self.refuse(error)
            return
        self.request.connection.set_max_body_size(_MAX_BODY_BYTES)  # type: ignore[union-attr]
        self._usage.enter_context(target.in_use())
        self.record_activity()
        headers = self.request.headers
        has_body = "Content-Length" in headers or "Transfer-Encoding" in headers
        self._has_body = has_body
        self._answer = asyncio.create_task(
            target.session.request(
                self.request.method or "GET",
                target.address.url("http", self.request_target(target)),
                headers=self.request_headers(target),
                data=self._body() if has_body else None,
                allow_redirects=False,
                skip_auto_headers=_AUTO_HEADERS,
            )
        )

    async def data_received(self, chunk: bytes) -> None:
        """Hand a piece of the body on, as fast as the tool takes it."""
        if self._answer is None:
            return
        put = asyncio.create_task(self._chunks.put(chunk))
        # A tool may answer, or die, before it has read all; the rest is thrown away then.
        await asyncio.wait({put, self._answer}, return_when=asyncio.FIRST_COMPLETED)
        put.cancel()

    async def _body(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def _pass_on(self, *_: str) -> None:
        """Wait for the tool's answer and pass it to the browser as it comes."""
        self._is_received = True
        if self._answer is None or self._target is None:
            return
        try:
            if self._has_body:
                end = asyncio.create_task(self._chunks.put(None))
                await asyncio.wait({end, self._answer}, return_when=asyncio.FIRST_COMPLETED)
                end.cancel()
            try:
                response = await self._answer
            except asyncio.CancelledError:
                if self._client_is_gone():
                    return
                raise
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.refuse(ToolUnreachableError(self._target.title, _problem(error)))
                return
            async with response:
                await self._copy(response, self._target)
        finally:
            self._usage.close()

    get = head = post = delete = patch = put = options = _pass_on

    async def _copy(self, response: aiohttp.ClientResponse, target: Target) -> None:
        self.set_status(response.status, response.reason)
        self._headers = httputil.HTTPHeaders()
        for name, value in response_headers(
            ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers),
            target.prefix,
            host=self.request.host,
            upstream_hosts=self.upstream_hosts(target.address),
            forward_credentials=target.forward_credentials,
            frame_ancestors=self.frame_ancestors(),
        ):
            self.add_header(name, value)
        try:
            content = response.content
            if content.is_eof():  # it has arrived as a whole, and goes on as a whole
                if whole := content.read_nowait():  # an empty one would be a body, which 204 and 304 may not have
                    self.write(whole)
                return
            self.request.connection.stream.set_nodelay(True)  # type: ignore[union-attr]  # or a stream's pieces wait for one another
            await self.flush()  # before the first byte of the body: a stream of events may be silent for a while
            async for chunk in content.iter_any():
                self.write(chunk)
                await self.flush()
        except (iostream.StreamClosedError, asyncio.CancelledError):
            if not self._client_is_gone():
                raise
        except aiohttp.ClientError as error:
            # The head is out; only a broken connection can tell the browser that the rest is missing.
            self.log.warning("labyard: %s broke off its answer: %s", target.title, _problem(error))
            self.request.connection.stream.close()  # type: ignore[union-attr]

    def finish(self, chunk: Any = None) -> asyncio.Future[None]:
        """End the answer.

        Tornado closes the connection of a request that it has not read completely, as it is where this handler refuses, and does not say so. A proxy in front
        keeps connections, and would send somebody's next request into one that closes.
        """
        if not self._is_received and not self._headers_written:
            self.set_header("Connection", "close")
        return super().finish(chunk)

    def _log(self) -> None:
        """Log what did not succeed. A tool's page sends dozens of requests, and a line for each takes a tenth of the time."""
        if self.get_status() >= _LOGGED_STATUS:
            super()._log()

    def _client_is_gone(self) -> bool:
        stream = self.request.connection.stream if self.request.connection is not None else None  # type: ignore[attr-defined]
        return stream is None or stream.closed()

    def refuse(self, error: LabyardError) -> None:
        """Say why there is no answer."""
        starting = isinstance(error, InstanceNotReadyError)
        if starting:
            self.set_header("Retry-After", str(_RETRY_SECONDS))
        content_type, text = error_body(error, self.request.headers.get("Accept", ""), getattr(self.current_user, "username", ""))
        self.set_status(error.status_code)
        self.set_header("Content-Type", content_type)
        self.set_header("Cache-Control", "no-store")
        self.finish(text)

    def on_connection_close(self) -> None:
        """Let go of the tool when the browser has gone."""
        super().on_connection_close()
        if self._answer is not None:
            self._answer.cancel()
        self._usage.close()

    def on_finish(self) -> None:
        """Let go of the tool in any case."""
        if self._answer is not None and not self._answer.done():
            self._answer.cancel()
        self._usage.close()
        super().on_finish()


def _problem(error: BaseException) -> str:
    """Return what went wrong, without the path of a socket or other inner matters."""
    if isinstance(error, TimeoutError):
        return "it did not take the connection in time"
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionRefusedError):
        return "it does not take connections"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "it closed the connection"
    return f"its answer is not valid HTTP ({type(error).__name__})"
