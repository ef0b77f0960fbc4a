"""A person who edits a text together with others, without a browser: the protocol that JupyterLab speaks."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import aiohttp
from pycrdt import (
    Awareness,
    Doc,
    Text,
    YMessageType,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    read_message,
)

WAIT_SECONDS = 20


class Editor:
    """An open document.

    Parameters
    ----------
    server_url
        ``http://HOST/user/NAME/``.
    path
        Of the file.
    """

    def __init__(self, server_url: str, token: str, path: str) -> None:
        self._url, self._path = server_url, path
        self._http = aiohttp.ClientSession(headers={"Authorization": f"token {token}"})
        self.doc: Doc[Any] = Doc()
        self.source: Text = self.doc.get("source", type=Text)
        self.awareness = Awareness(self.doc)
        self.received: list[bytes] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._http.close()
            raise
        return self

    async def _open(self) -> None:
        async with self._http.put(f"{self._url}api/collaboration/session/{self._path}", json={"format": "text", "type": "file"}) as answer:
            assert answer.status in (200, 201), await answer.text()
            session = await answer.json()
        room = f"text:file:{session['fileId']}"
        self.socket = await self._http.ws_connect(f"{self._url}api/collaboration/room/{room}?sessionId={session['sessionId']}")
        self._reader = asyncio.create_task(self._read())
        await self.socket.send_bytes(create_sync_message(self.doc))

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._reader.cancel()
        await self.socket.close()
        await self._http.close()

    async def _read(self) -> None:
        async for message in self.socket:
            data = bytes(message.data)
            self.received.append(data)
            if data[0] == YMessageType.SYNC:
                reply = handle_sync_message(data[1:], self.doc)
                if reply is not None:
                    await self.socket.send_bytes(reply)
            elif data[0] == YMessageType.AWARENESS:
                self.awareness.apply_awareness_update(read_message(data[1:]), "server")
            self._changed.set()

    @property
    def text(self) -> str:
        return str(self.source)

    async def until(self, condition: Any, what: str) -> None:
        """Wait until `condition()` is true; it is asked again whenever something has come in."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                self._changed.clear()
                try:
                    await self._changed.wait()
                except asyncio.CancelledError:
                    raise AssertionError(f"{what}: {self.text!r} {self.awareness.states}") from None

    async def type(self, text: str) -> None:
        """Write at the end."""
        await self.send_update(lambda: self.source.insert(len(self.text), text))

    async def send_update(self, change: Any) -> None:
        """Make a change here and send it."""
        before = self.doc.get_state()
        change()
        await self.socket.send_bytes(create_update_message(self.doc.get_update(before)))

    async def point(self, name: str) -> None:
        """Tell the others where one's cursor is."""
        self.awareness.set_local_state({"user": {"name": name}, "cursor": 1})
        await self.socket.send_bytes(create_awareness_message(self.awareness.encode_awareness_update([self.awareness.client_id])))

    def names(self) -> set[str]:
        """Return whose cursors are seen."""
        return {state["user"]["name"] for state in self.awareness.states.values() if state and "user" in state}
