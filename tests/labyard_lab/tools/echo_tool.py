"""A tool for tests: tells what it gets, streams, redirects, sets cookies, hangs, and talks over a websocket."""

# ruff: noqa: ASYNC110  it waits for others, who cannot set an event
from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import pathlib
import resource
import sys

from tornado import httpserver, ioloop, netutil, web, websocket


def describe(request) -> dict:
    return {"method": request.method, "uri": request.uri, "headers": list(request.headers.get_all())}


class Echo(web.RequestHandler):
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def answer(self, *_):
        self.set_header("X-Method", self.request.method)
        self.write({**describe(self.request), "body": self.request.body.decode("latin-1"), "environment": dict(os.environ)})

    get = head = post = delete = patch = put = options = answer


class Ready(web.RequestHandler):
    def get(self):
        self.write("ready")


class Redirect(web.RequestHandler):
    def get(self):
        self.set_status(302)
        self.set_header("Location", self.get_argument("to"))

    post = get


class Cookies(web.RequestHandler):
    def get(self):
        for value in self.get_arguments("set"):
            self.add_header("Set-Cookie", value)
        for pair in self.get_arguments("header"):
            name, _, value = pair.partition(":")
            self.add_header(name, value)
        self.write(self.request.headers.get("Cookie", ""))


class Events(web.RequestHandler):
    async def get(self):
        self.set_header("Content-Type", self.get_argument("type", "text/event-stream"))
        await self.flush()
        for number in range(int(self.get_argument("count"))):
            self.write(f"data: {number}\n\n")
            await self.flush()
            # The next one only when the test has seen this one.
            while not await asyncio.to_thread(os.path.exists, f"{self.get_argument('go')}{number}"):
                await asyncio.sleep(0.01)


class Hang(web.RequestHandler):
    hanging = 0

    async def get(self):
        Hang.hanging += 1
        try:
            while not self.request.connection.stream.closed():
                await asyncio.sleep(0.02)
        finally:
            Hang.hanging -= 1


class Hanging(web.RequestHandler):
    def get(self):
        self.write(str(Hang.hanging))


@web.stream_request_body
class Upload(web.RequestHandler):
    def prepare(self):
        self.request.connection.set_max_body_size(2**40)
        self.digest, self.size = hashlib.sha256(), 0

    def data_received(self, chunk):
        self.digest.update(chunk)
        self.size += len(chunk)

    def post(self):
        self.write({"size": self.size, "sha256": self.digest.hexdigest(), "headers": dict(self.request.headers)})


@web.stream_request_body
class Refuse(web.RequestHandler):
    """Answers before it has read the body, and closes the connection."""

    def prepare(self):
        self.set_status(413)
        self.set_header("Connection", "close")
        self.finish("too much")

    def data_received(self, chunk):
        pass


class Download(web.RequestHandler):
    async def get(self):
        size = int(self.get_argument("size"))
        if self.get_argument("length", ""):
            self.set_header("Content-Length", str(size))
        while size > 0:
            self.write(b"x" * min(size, 2**18))
            size -= 2**18
            await self.flush()


class BreakOff(web.RequestHandler):
    async def get(self):
        self.set_header("Content-Length", "1000")
        self.write(b"x" * 10)
        await self.flush()
        self.request.connection.stream.close()


class Socket(websocket.WebSocketHandler):
    def check_origin(self, _):
        return True

    def select_subprotocol(self, subprotocols):
        # Not the first one: whoever decides for the tool decides wrongly.
        return subprotocols[-1] if subprotocols else None

    def open(self):
        self.set_nodelay(True)
        self.write_message(json.dumps(describe(self.request)))

    def on_message(self, message):
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            self.close(int(code), reason)
        else:
            self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self):
        Closed.last = [self.close_code, self.close_reason]


class Closed(web.RequestHandler):
    last = None

    def get(self):
        self.write(json.dumps(Closed.last))


class Memory(web.RequestHandler):
    def get(self):
        self.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket")
    parser.add_argument("--port", type=int)
    parser.add_argument("--base-url")
    parser.add_argument("--count")
    arguments = parser.parse_args()
    if arguments.count:
        with pathlib.Path(arguments.count).open("a") as file:
            file.write("started\n")
    sys.stdout.write("echo tool starts\n")
    sys.stdout.flush()
    routes = {
        "ready": Ready, "redirect": Redirect, "cookies": Cookies, "events": Events, "hang": Hang, "hanging": Hanging, "upload": Upload,
        "refuse": Refuse, "download": Download, "break-off": BreakOff, "socket": Socket, "closed": Closed, "memory": Memory,
    }  # fmt: skip
    application = web.Application(
        [(rf".*/{name}", handler) for name, handler in routes.items()] + [(r".*", Echo)], websocket_max_message_size=2**27
    )
    server = httpserver.HTTPServer(application)
    if arguments.socket:
        server.add_socket(netutil.bind_unix_socket(arguments.socket))
    else:
        server.listen(arguments.port, "127.0.0.1")
    ioloop.IOLoop.current().start()


if __name__ == "__main__":
    main()
