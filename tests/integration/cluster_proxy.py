"""The cluster's proxy for tests that are not about it: configurable-http-proxy's REST API, and the two services' routes of its own.

``python -m tests.integration.cluster_proxy PORT API_PORT TOKEN [PREFIX=URL ...]``
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import unquote

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, WSMsgType, web
from yarl import URL

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "proxy-authorization", "proxy-authenticate"}
WEBSOCKET = ("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol")
SESSION = web.AppKey("session", ClientSession)


class Routes:
    """Where each path goes; the longest that fits counts."""

    def __init__(self, fixed: dict[str, str]) -> None:
        self.fixed, self.given = fixed, dict[str, dict[str, Any]]()

    def target(self, path: str) -> str | None:
        every = {**{spec: data["target"] for spec, data in self.given.items()}, **self.fixed}
        found = [spec for spec in every if path == spec or path.startswith(spec.rstrip("/") + "/")]
        return every[max(found, key=len)] if found else None


def api(routes: Routes, token: str) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"token {token}":
            return web.Response(status=403)
        spec = "/" + unquote(request.path.removeprefix("/api/routes").lstrip("/"))
        if request.method == "GET":
            return web.json_response(routes.given)
        if request.method == "POST":
            routes.given[spec] = json.loads(await request.text())
            return web.Response(status=201)
        routes.given.pop(spec, None)
        return web.Response(status=204)

    application = web.Application()
    application.router.add_route("*", "/api/routes{tail:.*}", answer)
    return application


async def _pass_on(request: web.Request, routes: Routes) -> web.StreamResponse:
    target = routes.target(request.path)
    if target is None:
        return web.Response(status=404, text="no route")
    url = URL(_origin(target) + request.raw_path, encoded=True)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    headers |= {"X-Forwarded-For": request.remote or "", "X-Forwarded-Proto": "http", "X-Forwarded-Host": request.host}
    session = request.app[SESSION]
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await _websocket(request, session, url, {name: value for name, value in headers.items() if name.lower() not in WEBSOCKET})
    body = request.content if request.body_exists else None
    async with session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
        passed = web.StreamResponse(status=answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                passed.headers.add(name, value)
        await passed.prepare(request)
        async for chunk in answer.content.iter_any():
            await passed.write(chunk)
        await passed.write_eof()
        return passed


def _origin(target: str) -> str:
    scheme, _, rest = target.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


async def _websocket(request: web.Request, session: ClientSession, url: URL, headers: dict[str, str]) -> web.StreamResponse:
    protocols = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if one.strip()]
    async with session.ws_connect(url, headers=headers, protocols=protocols, max_msg_size=0) as there:
        here = web.WebSocketResponse(protocols=[there.protocol] if there.protocol else [], max_msg_size=0)
        await here.prepare(request)

        async def copy(source: Any, target: Any) -> None:
            async for message in source:
                if message.type is WSMsgType.TEXT:
                    await target.send_str(message.data)
                elif message.type is WSMsgType.BINARY:
                    await target.send_bytes(message.data)

        await asyncio.wait(
            {asyncio.ensure_future(copy(here, there)), asyncio.ensure_future(copy(there, here))}, return_when=asyncio.FIRST_COMPLETED
        )
        await here.close()
        return here


async def main(port: int, api_port: int, token: str, fixed: dict[str, str]) -> None:
    routes = Routes(fixed)
    front = web.Application(client_max_size=0)
    front.router.add_route("*", "/{tail:.*}", lambda request: _pass_on(request, routes))

    async def session(application: web.Application) -> Any:
        connector = TCPConnector(limit=0)
        timeout = ClientTimeout(total=None)
        async with ClientSession(connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=DummyCookieJar()) as opened:
            application[SESSION] = opened
            yield

    front.cleanup_ctx.append(session)
    for application, where in ((front, port), (api(routes, token), api_port)):
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", where).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], dict(one.split("=", 1) for one in sys.argv[4:])))
