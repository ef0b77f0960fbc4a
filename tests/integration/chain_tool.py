"""A tool for tests of the whole chain: it tells what arrives, and is slow, large, silent or stuck when asked.

It uses what the environment of the tests has, and runs as the user's account, from a copy.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import sys
import time

from aiohttp import WSMsgType, web

CHUNK = b"x" * 2**18

go = asyncio.Event()


async def tell(request: web.Request) -> web.Response:
    """Tell method, path and headers as they came in."""
    body = await request.read()
    described = {
        "method": request.method,
        "path": request.raw_path,
        "headers": list(request.headers.items()),
        "body": body.decode("latin-1"),
    }
    headers = {"X-Method": request.method, "X-Path": request.raw_path}
    return web.Response(text=json.dumps(described), content_type="application/json", headers=headers)


async def ready(_: web.Request) -> web.Response:
    return web.Response(text="ready")


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=int(request.query.get("status", "302")), headers={"Location": request.query["to"]})


async def cookie(request: web.Request) -> web.Response:
    response = web.json_response(sorted(request.cookies))
    for one in request.query.getall("set", []):
        response.headers.add("Set-Cookie", one)
    return response


async def events(request: web.Request) -> web.StreamResponse:
    """Send an event, and the next one only when somebody who has seen it has called `proceed`."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(3):
        await response.write(f"data: {number}\n\n".encode())
        await go.wait()
        go.clear()
    return response


async def proceed(_: web.Request) -> web.Response:
    go.set()
    return web.Response(text="went on")


async def upload(request: web.Request) -> web.Response:
    digest, size = hashlib.sha256(), 0
    async for chunk in request.content.iter_any():
        digest.update(chunk)
        size += len(chunk)
    return web.json_response({"size": size, "sha256": digest.hexdigest()})


async def download(request: web.Request) -> web.StreamResponse:
    size = int(request.query["size"])
    response = web.StreamResponse(headers={"Content-Length": str(size)})
    await response.prepare(request)
    for _ in range(size // len(CHUNK)):
        await response.write(CHUNK)
    return response


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query["seconds"]))
    return web.Response(text="at last")


async def stuck(request: web.Request) -> web.Response:
    """Hang with all that the tool does."""
    time.sleep(float(request.query["seconds"]))  # noqa: ASYNC251  that is the point
    return web.Response(text="at last")


async def socket(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse(protocols=("chat.v2",), max_msg_size=2**26)
    await answer.prepare(request)
    async for message in answer:
        if message.type == WSMsgType.TEXT and message.data.startswith("close "):
            _, code, reason = message.data.split(" ", 2)
            await answer.close(code=int(code), message=reason.encode())
        elif message.data == "talk":  # and is told nothing more, as a dashboard's page that only shows
            with contextlib.suppress(ConnectionError):
                while True:
                    await answer.send_str("tick")
                    await asyncio.sleep(1)
        elif message.type == WSMsgType.TEXT and message.data.startswith("wait "):
            await asyncio.sleep(float(message.data[5:]))
            await answer.send_str("waited")
        elif message.type == WSMsgType.TEXT:
            await answer.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await answer.send_bytes(message.data)
    return answer


def main() -> None:
    """Serve on a Unix socket."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--fail", action="store_true")
    arguments = parser.parse_args()
    sys.stdout.write("the tool starts\n")
    if arguments.fail:
        sys.exit("no model was found in models/")
    application = web.Application(client_max_size=2**40)
    prefix = arguments.prefix.rstrip("/")
    for handler in (ready, redirect, cookie, events, proceed, upload, download, slow, stuck, socket):
        application.router.add_route("*", f"{prefix}/{handler.__name__}", handler)
    application.router.add_route("*", "/{path:.*}", tell)
    with contextlib.suppress(KeyboardInterrupt):
        web.run_app(application, path=arguments.socket, print=None)


if __name__ == "__main__":
    main()
