"""Passes websockets on: messages, subprotocol and close codes as they are."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, WSMsgType
from tornado import httputil, routing, web, websocket

from labyard.exceptions import LabyardError
from labyard_lab.exceptions import ToolUnreachableError
from labyard_lab.proxy.base import ProxyHandler, Target

__all__ = ["MAX_MESSAGE_BYTES", "WebsocketPath", "WebsocketProxy"]

MAX_MESSAGE_BYTES = 128 * 2**20
"""Size of the largest message of a websocket, to tools, ports and kernels."""

# RFC 6455, section 7.4.1: what is never sent in a close frame.
_UNSENDABLE_CODES = (None, 1005, 1006, 1015)


class WebsocketPath(routing.PathMatches):
    """Matches requests for a path that want to become a websocket."""

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        """Return the handler's arguments, None if it does not match."""
        return super().match(request) if request.headers.get("Upgrade", "").lower() == "websocket" else None


class WebsocketProxy(ProxyHandler, websocket.WebSocketHandler):
    """A websocket that is passed on."""

    _upstream: aiohttp.ClientWebSocketResponse | None = None
    _pump: asyncio.Task[None] | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        """Let nobody through who may not."""
        self._usage = contextlib.ExitStack()
        await super().prepare(_redirect_to_login=False)
        await self.guard()

    @property
    def max_message_size(self) -> int:
        """Size of the largest message that is passed on."""
        return MAX_MESSAGE_BYTES

    async def get(self, *args: str, **kwargs: str) -> None:
        """Connect to the tool first, so that it is the tool that chooses the subprotocol or refuses."""
        if not self.check_origin(self.get_origin() or ""):
            raise web.HTTPError(403, "blocked a websocket from a page of another origin")
        try:
            target = self.find()
            self._upstream = await self._connect(target)
        except aiohttp.WSServerHandshakeError as error:
            self.set_status(error.status if 400 <= error.status < 600 else 502)
            self.finish()
            return
        except LabyardError as error:
            self.set_status(error.status_code)
            self.set_header("Content-Type", "application/json")
            self.finish(error.to_dict())
            return
        self._usage.enter_context(target.in_use())
        try:
            await super().get(*args, **kwargs)
        finally:
            if self._pump is None:  # the browser's side did not come about
                await self._close_upstream(WSCloseCode.GOING_AWAY, b"")

    async def _connect(self, target: Target) -> aiohttp.ClientWebSocketResponse:
        asked = self.request.headers.get("Sec-WebSocket-Protocol", "")
        try:
            return await target.session.ws_connect(
                target.address.url("ws", self.request_target(target)),
                headers=self.request_headers(target),
                protocols=[one.strip() for one in asked.split(",") if one.strip()],
                max_msg_size=MAX_MESSAGE_BYTES,
                autoclose=False,
                timeout=aiohttp.ClientWSTimeout(ws_close=5),
            )
        except aiohttp.WSServerHandshakeError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ToolUnreachableError(target.title, f"it takes no websocket here ({type(error).__name__})") from None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Choose what the tool has chosen."""
        chosen = self._upstream.protocol if self._upstream is not None else None
        return chosen if chosen in subprotocols else None

    async def open(self, *_: str, **__: str) -> None:
        """Begin to pass messages."""
        self.set_nodelay(True)
        self.record_activity()
        self._pump = asyncio.create_task(self._from_tool())

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message to the tool. The next one is read when this one is gone."""
        self.record_activity()
        if self._upstream is None:
            return
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            if isinstance(message, bytes):
                await self._upstream.send_bytes(message)
            else:
                await self._upstream.send_str(message)

    def on_close(self) -> None:
        """Pass the browser's close on to the tool."""
        self._usage.close()
        if self._pump is not None:
            self._pump.cancel()
        code = self.close_code if self.close_code not in _UNSENDABLE_CODES else None
        asyncio.ensure_future(  # noqa: RUF006  it is short and keeps itself alive by the connection
            self._close_upstream(code or WSCloseCode.OK, (self.close_reason or "").encode())
        )

    async def _from_tool(self) -> None:
        assert self._upstream is not None  # noqa: S101
        code, reason = None, None
        with contextlib.suppress(websocket.WebSocketClosedError):
            while True:
                message = await self._upstream.receive()
                if message.type is WSMsgType.TEXT:
                    await self.write_message(message.data)
                elif message.type is WSMsgType.BINARY:
                    await self.write_message(message.data, binary=True)
                else:
                    if message.type is WSMsgType.CLOSE:
                        code, reason = message.data, message.extra
                    elif message.type is WSMsgType.ERROR:
                        code, reason = WSCloseCode.INTERNAL_ERROR, "the tool broke off"
                    break
            self.close(None if code in _UNSENDABLE_CODES or code == 0 else int(code), reason or None)

    async def _close_upstream(self, code: int, reason: bytes) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                await upstream.close(code=code, message=reason)
        self._usage.close()
