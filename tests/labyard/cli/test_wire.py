"""The small HTTP client reads what it should, and says of the rest that it cannot."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labyard.cli.wire import Connection, UnreadableError

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\n"


@contextmanager
def sending(*answers: bytes) -> Iterator[Connection]:
    """Send each of these after a request, then hang up; yield a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(20)
                for answer in answers:
                    asked = b""
                    while not asked.endswith(b"\r\n\r\n"):
                        asked += peer.recv(4096)
                    assert asked.startswith(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:")
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        connection = Connection("http", "127.0.0.1", listener.getsockname()[1], 20)
        try:
            yield connection
        finally:
            connection.close()
            thread.join()


def test_two_answers_over_one_connection() -> None:
    whole = JSON + b"Content-Length: 2\r\n\r\n{}"
    chunks = JSON + b"transfer-encoding: Chunked\r\n\r\n3;note=x\r\n{ \r\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n"
    with sending(whole, chunks, whole) as connection:
        assert connection.get("/x", {"A": "b"}) == (200, "application/json", b"{}")
        assert connection.get("/x", {}) == (200, "application/json", b"{ \r}")
        assert connection.get("/x", {})[2] == b"{}"


def test_of_other_answers_only_the_status_is_read() -> None:
    with sending(b"HTTP/1.0 404 Not Found\r\n\r\nwhatever") as connection:
        assert connection.get("/x", {}) == (404, "", b"")


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\r\n", b"SSH-2.0-x\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b",
        JSON + b"\r\n{}", JSON + b"Content-Length: 5\r\n\r\n{}", JSON + b"Content-Length: -2\r\n\r\n{}", JSON + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        JSON + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", JSON + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", JSON + b"no colon\r\n\r\n",
        JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}", JSON + b"X: 1\r\n" * 200 + b"\r\n",
        JSON + b"X: " + b"1" * 20_000 + b"\r\n\r\n", JSON + b" folded: x\r\n\r\n",
    ],
)  # fmt: skip
def test_what_it_does_not_understand(answer: bytes) -> None:
    with sending(answer) as connection, pytest.raises((UnreadableError, ConnectionResetError)):
        connection.get("/x", {})
