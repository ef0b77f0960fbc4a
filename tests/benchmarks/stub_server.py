"""One light process that answers for every user's server: HTTP with a word, websockets with what they send.

Run as ``python -m tests.benchmarks.stub_server``; it prints its port.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jupyterhub import __version__

__all__ = ["stub_server"]

WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BODY = b'{"version": "2"}'
ANSWER = (
    f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-JupyterHub-Version: {__version__}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    + BODY
)


class _Answer(asyncio.Protocol):
    """Answers each head of a request; bodies are not expected. After an upgrade it sends back each short frame."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self._frame() if self.upgraded else self._head():
            pass

    def _head(self) -> bool:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        self.buffer = bytearray(rest)
        lines = bytes(head).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if "sec-websocket-key" in headers:
            digest = hashlib.sha1((headers["sec-websocket-key"] + WEBSOCKET_KEY).encode(), usedforsecurity=False).digest()
            accept = base64.b64encode(digest).decode()
            self._write(
                f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            self.upgraded = True
        else:
            self._write(ANSWER)
        return True

    def _frame(self) -> bool:
        """Answer one frame of fewer than 126 bytes, which is all that the benchmarks send."""
        if len(self.buffer) < 6:
            return False
        length = self.buffer[1] & 0x7F
        if len(self.buffer) < 6 + length:
            return False
        first, mask, data = self.buffer[0], self.buffer[2:6], self.buffer[6 : 6 + length]
        del self.buffer[: 6 + length]
        opcode = first & 0x0F
        plain = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        # A ping is answered by a pong, a close by a close, and all else by itself.
        self._write(bytes([0x8A if opcode == 9 else first, length]) + plain)
        if opcode == 8:
            self.transport.close()
        return True

    def _write(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(data)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Answer, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def stub_server() -> Iterator[int]:
    """Run it until the end of the block, and return its port."""
    with subprocess.Popen([sys.executable, "-m", "tests.benchmarks.stub_server"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
