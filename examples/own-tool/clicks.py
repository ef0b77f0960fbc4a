"""A web program of one's own: a counter that every open tab sees change at once. Only the standard library.

The pages ask for ``events`` and ``click`` by relative addresses, so it does not matter under which address the program is served.
"""

import http.server
import json
import socketserver
import sys
import threading

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Clicks</title>
<h1>Clicks: <output id="count">…</output></h1>
<button onclick="fetch('click', {method: 'POST'})">Click</button>
<script>
  new EventSource('events').onmessage = event => { document.getElementById('count').value = JSON.parse(event.data).count; };
</script></html>
"""


class Clicks:
    """How many clicks there were."""

    def __init__(self):
        self.count = 0
        self.changed = threading.Condition()

    def add(self):
        """Count one."""
        with self.changed:
            self.count += 1
            self.changed.notify_all()

    def wait_for_change(self, told):
        """Return the count as soon as it is not `told`, and after some seconds in any case."""
        with self.changed:
            self.changed.wait_for(lambda: self.count != told, timeout=15)
            return self.count


clicks = Clicks()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers ``/``, ``/events`` and ``/click``."""

    def do_GET(self):
        """Send the page, or a stream that tells the count whenever it changes."""
        if self.path == "/":
            body = PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        elif self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            told = None
            while True:
                told = clicks.wait_for_change(told)
                self.wfile.write(b"data: " + json.dumps({"count": told}).encode() + b"\n\n")
        else:
            self.send_error(404)

    def do_POST(self):
        """Count one click."""
        if self.path != "/click":
            self.send_error(404)
            return
        clicks.add()
        self.send_response(204)
        self.end_headers()

    def address_string(self):
        """Return a word for the log: on a Unix socket there is no address."""
        return "browser"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a Unix socket, which nobody but its owner can reach."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing when a tab with an open stream was closed."""
        if not isinstance(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1], BrokenPipeError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    Server(sys.argv[1], Handler).serve_forever()
