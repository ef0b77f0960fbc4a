"""A GET over HTTP/1.1 and nothing else: `http.client` brings the parser of mail, and TLS where none is spoken, which take as long to import as all else of a read."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import IO

__all__ = ["Connection", "UnreadableError"]

LONGEST_LINE_BYTES, MOST_HEADERS = 16_384, 100


class UnreadableError(Exception):
    """What came is no answer that this module reads; another client may know more."""


class Connection:
    """A connection to one server, kept for the next request.

    Parameters
    ----------
    timeout_seconds
        For each step.

    Raises
    ------
    OSError
        If there is none; `TimeoutError` among them.
    """

    def __init__(self, scheme: str, host: str, port: int | None, timeout_seconds: float) -> None:
        port = port or (443 if scheme == "https" else 80)
        self._host = f"[{host}]" if ":" in host else host
        if port not in (80, 443):
            self._host += f":{port}"
        found = socket.create_connection((host, port), timeout_seconds)
        try:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = found if scheme == "http" else _encrypted(found, host)
        except BaseException:
            found.close()
            raise
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def get(self, target: str, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Return the status, the content type in small letters without its parameters, and the body.

        Raises
        ------
        OSError, UnreadableError
            If no answer comes, or one that is none.
        """
        lines = [f"GET {target} HTTP/1.1", f"Host: {self._host}", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
        words = _line(self._file).split(" ", 2)
        if not words[0].startswith("HTTP/1.") or len(words) < 2 or not (words[1].isdecimal() and len(words[1]) == 3):
            raise UnreadableError
        status, found = int(words[1]), _headers(self._file)
        kind = found.get("content-type", "").partition(";")[0].strip().lower()
        if status != 200:  # whoever asks reads no more of it
            return status, kind, b""
        if "transfer-encoding" in found:
            return status, kind, _chunks(self._file, found["transfer-encoding"])
        if not found.get("content-length", "").isdecimal():
            raise UnreadableError
        return status, kind, _exactly(self._file, int(found["content-length"]))


def _encrypted(plain: socket.socket, host: str) -> socket.socket:
    import ssl

    import certifi

    # The authorities that httpx trusts.
    if os.environ.get("SSL_CERT_FILE"):
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    elif os.environ.get("SSL_CERT_DIR"):
        context = ssl.create_default_context(capath=os.environ["SSL_CERT_DIR"])
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    return context.wrap_socket(plain, server_hostname=host)


def _line(file: IO[bytes]) -> str:
    found = file.readline(LONGEST_LINE_BYTES)
    if not found.endswith(b"\n"):
        raise UnreadableError
    return found.rstrip(b"\r\n").decode("latin-1")


def _headers(file: IO[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = _line(file)
        if not line:
            return found
        name, colon, value = line.partition(":")
        key = name.lower()
        if not colon or name != name.strip() or (key in found and key in ("content-length", "transfer-encoding")):
            raise UnreadableError
        found[key] = value.strip()
    raise UnreadableError


def _exactly(file: IO[bytes], size: int) -> bytes:
    found = file.read(size)
    if len(found) != size:
        raise UnreadableError
    return found


def _chunks(file: IO[bytes], coding: str) -> bytes:
    if coding.lower() != "chunked":
        raise UnreadableError
    found = b""
    while True:
        digits = _line(file).partition(";")[0].strip()
        if not digits.isalnum():
            raise UnreadableError
        try:
            size = int(digits, 16)
        except ValueError:
            raise UnreadableError from None
        if size == 0:
            _headers(file)
            return found
        found += _exactly(file, size)
        _exactly(file, 2)
