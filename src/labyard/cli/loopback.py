"""Waits for the browser to come back from a login: a small server on this machine that takes one code."""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from labyard.exceptions import LabyardError

__all__ = ["Loopback"]

REQUEST_TIMEOUT_SECONDS = 10
MAX_CODE_LENGTH = 200

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Labyard</title><meta name="color-scheme" content="light dark"></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


class LoginRefusedError(LabyardError):
    """The person did not agree."""

    code = "login_refused"

    def __init__(self) -> None:
        super().__init__("the command line was not allowed to act for you, and nothing was stored")


class Loopback(ThreadingHTTPServer):
    """Listens on 127.0.0.1 only, on a port that is free, while it is open as a context manager.

    Parameters
    ----------
    state
        What the browser must bring, so that nobody else's code is taken.
    exchange
        Is given the code, and does the rest, in a thread of the server's; the browser waits for it.
    done_url
        Where the browser goes then.
    """

    daemon_threads = True

    def __init__(self, state: str, exchange: Callable[[str], None], done_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state, self.exchange, self.done_url = state, exchange, done_url
        self.once = threading.Lock()
        self.outcomes: queue.Queue[LabyardError | None] = queue.Queue()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def wait(self, timeout_seconds: float) -> None:
        """Return when the code was exchanged.

        Raises
        ------
        LabyardError
            What went wrong with it.
        TimeoutError
            If nobody came.
        """
        try:
            problem = self.outcomes.get(timeout=timeout_seconds)
        except queue.Empty:
            raise TimeoutError from None
        if problem is not None:
            raise problem


class _Handler(BaseHTTPRequestHandler):
    server: Loopback
    timeout = REQUEST_TIMEOUT_SECONDS
    server_version, sys_version = "labyard", ""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        state, code = query.get("state", [""])[0], query.get("code", [""])[0]
        if address.path != "/callback":
            self._page(404, "Not found", "There is nothing here.")
        elif not secrets.compare_digest(state.encode(), self.server.state.encode()) or len(code) > MAX_CODE_LENGTH:
            self._page(400, "Not signed in", "This is not the answer to the login that waits here.")
        elif not self.server.once.acquire(blocking=False):
            self._page(409, "This was used", "The login is over. You can close this tab.")
        elif not code:
            self._page(200, "Nothing was allowed", "The command line gets no access. You can close this tab.")
            self.server.outcomes.put(LoginRefusedError())
        else:
            self._exchange(code)

    def _exchange(self, code: str) -> None:
        try:
            self.server.exchange(code)
        except LabyardError as error:
            self._page(502, "Not signed in", "The terminal says why. You can close this tab.")
            self.server.outcomes.put(error)
            return
        # Away from this address, which will be nobody's in a moment.
        self._answer(303, b"", {"Location": self.server.done_url})
        self.server.outcomes.put(None)

    def _page(self, status: int, title: str, text: str) -> None:
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
        self._answer(status, _PAGE.format(title=title, text=text).encode(), headers)

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        common = {"Content-Length": str(len(content)), "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Connection": "close"}
        for name, value in {**headers, **common, "X-Content-Type-Options": "nosniff"}.items():
            self.send_header(name, value)
        with contextlib.suppress(OSError):  # the browser went away, and the login is done all the same
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Say nothing: a request has a code in it."""
