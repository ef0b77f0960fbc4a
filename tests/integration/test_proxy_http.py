"""What the proxy does to requests, answers and websockets, raw on both sides: which headers pass, which paths lead where, and that nothing is held back or cut."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import web

from labyard_hub.config.proxy_word import PROXY_HEADER, proxy_word
from labyard_hub.config.settings import ListenSettings
from tests.certificates import make_certificate
from tests.integration.routing import Routing, add_many, open_routing
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LARGE = 64 * 2**20
WEBSOCKETS = 300


class Server:
    """A server that shows what it was sent, streams what the test wants it to, and sends websockets' words back."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.received = 0
        self.upload_done = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        last = request.path.rpartition("/")[2]
        if last == "ws":
            return await self._echo(request)
        if last == "events":
            return await self._stream(request)
        if last == "upload":
            async for piece in request.content.iter_any():
                self.received += len(piece)
            return web.Response(text=str(self.received))
        if last == "large":
            return web.Response(body=b"x" * LARGE)
        if last == "hop":
            return web.Response(
                text="", headers={"Keep-Alive": "timeout=5", "Proxy-Connection": "x", "Server": "mine", "Set-Cookie": "a=1"}
            )
        heads = [[name.decode().lower(), value.decode()] for name, value in request.raw_headers]
        return web.json_response({"path": request.raw_path, "headers": heads, "method": request.method})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while (event := await self.events.get()) is not None:
            await response.write(event)
        return response

    async def _echo(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("kernel",), max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket


class World(Routing):
    server: Server
    server_url: str

    @property
    def url(self) -> str:
        return self.platform.bind_url.rstrip("/")

    @property
    def port(self) -> int:
        return self.platform.port

    @contextlib.asynccontextmanager
    async def recorder(self) -> AsyncIterator[str]:
        """Run another server of that kind until the end of the block; its URL."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", Server().answer)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def raw(self, request: str) -> str:
        """Send bytes as they are and return the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request.encode("latin-1"))
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        return answer.decode("latin-1")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as world:
        yield world


class open_world:  # noqa: N801  # it is used as a function
    """A proxy with one route, of ada's, to such a server."""

    def __init__(self, folder: Path, **listen: Any) -> None:
        self._routing = open_routing(folder, **listen)

    async def __aenter__(self) -> World:
        self._inner = routing = await self._routing.__aenter__()
        world = World(**vars(routing))
        world.server = Server()
        application = web.Application(client_max_size=2**40)
        application.router.add_route("*", "/{path:.*}", world.server.answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        world.server_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._world = world
        try:
            await world.hub_side().add_route("/user/ada/", world.server_url, {"user": "ada"})
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return world

    async def __aexit__(self, *error: Any) -> None:
        await self._world.session.close()
        await self._runner.cleanup()
        self._inner.process = self._world.process
        await self._routing.__aexit__(*error)


async def test_headers_that_servers_go_by_are_the_proxys_own(world: World) -> None:
    spoofed = {
        "X-Forwarded-For": "1.2.3.4", "X_Forwarded_For": "1.2.3.4", "X-Forwarded_For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil",
        "X-Forwarded-Port": "1", "X-Forwarded-Server": "evil", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Ssl": "on", "X-Real-Ip": "1.2.3.4",
        "X-Scheme": "https", "Forwarded": "for=1.2.3.4", "REMOTE_USER": "root",
    }  # fmt: skip
    kept = {
        "Authorization": "token x",
        "Cookie": "a=1; b=2",
        "Referer": "http://lab:8000/a",
        "X-XSRFToken": "t",
        "Origin": "http://lab:8000",
    }
    headers = {**spoofed, **kept, "Host": "lab:8123"}
    async with world.session.get(f"{world.url}/user/ada/head", headers=headers) as answer:
        got = dict((await answer.json())["headers"])
    assert {
        name: value for name, value in got.items() if "forwarded" in name or "_" in name or name in {"x-real-ip", "x-scheme", "remote_user"}
    } == {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "lab:8123",
        "x-forwarded-port": "8123",
        "x-real-ip": "127.0.0.1",
    }
    assert got["host"] == "lab:8123"
    assert {name: got[name.lower()] for name in kept} == kept
    async with world.session.get(f"{world.url}/user/ada/head", headers={"Host": "lab"}) as answer:
        assert dict((await answer.json())["headers"])["x-forwarded-port"] == "80"


async def test_the_hub_alone_learns_that_a_request_came_by_the_proxy(world: World) -> None:
    word = proxy_word(world.state.secret("proxy_api_password"))
    proxy = world.hub_side()
    async with asyncio.timeout(30), world.recorder() as hub:
        await proxy.add_route("/", hub, {"hub": True})
        for path, expected in (
            ("/hub/login", word),
            ("/", word),
            ("/user/ada/head", None),
            ("/%75ser/ada/head", None),
            ("/user/nobody/", word),
        ):
            for given in ({}, {PROXY_HEADER: "made up"}, {PROXY_HEADER.lower().replace("-", "_"): word}, {PROXY_HEADER: word}):
                async with world.session.get(f"{world.url}{path}", headers=given) as answer:
                    heads = (await answer.json())["headers"]
                assert [value for name, value in heads if name.replace("_", "-") == PROXY_HEADER.lower()] == (
                    [expected] if expected else []
                )


async def test_where_a_request_came_from_behind_a_proxy_that_is_trusted(world: World) -> None:
    """The last word in the header is that proxy's; what stands before it anybody can have written."""
    for network, expected in (("127.0.0.0/8", "5.6.7.8"), ("10.0.0.0/8", "127.0.0.1")):
        world.kill_proxy()
        world.listen = ListenSettings(port=0, public_url="https://lab.example.org", trusted_proxies=(network,))
        world.start_proxy()
        await world.all_right({"/user/nobody/": "503"}, "it runs")
        for given in ({"X-Forwarded-For": "1.2.3.4, 5.6.7.8"}, {}, {"X-Forwarded-For": "1.2.3.4, nonsense"}):
            async with world.session.get(f"{world.url}/user/ada/head", headers=given) as answer:
                got = dict((await answer.json())["headers"])
            assert got["x-forwarded-for"] == got["x-real-ip"] == (expected if "5.6.7.8" in str(given) else "127.0.0.1")
            # It is the address in browsers that says who does TLS, and no header.
            assert got["x-forwarded-proto"] == "https"


async def test_headers_about_one_connection_end_at_the_proxy(world: World) -> None:
    answer = await world.raw(
        "GET /user/ada/head HTTP/1.1\r\nHost: lab\r\nConnection: close, X-Real-Ip, Authorization\r\nAuthorization: token x\r\nKeep-Alive: 3\r\n"
        "TE: trailers\r\nProxy-Authorization: secret\r\nProxy-Connection: keep-alive\r\n\r\n"
    )
    assert answer.startswith("HTTP/1.1 200")
    assert '"authorization", "token x"' in answer
    for name in ("connection", "keep-alive", "te", "proxy-authorization", "proxy-connection"):
        assert f'["{name}"' not in answer
    # What a header names to be left out of an upgrade stays too.
    answer = await world.raw(
        "GET /user/ada/head HTTP/1.1\r\nHost: lab\r\nConnection: upgrade, X-Forwarded-For\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\nGET / HTTP/1.0\r\n\r\n"
    )
    assert '"x-forwarded-for", "127.0.0.1"' in answer
    # Another protocol would pass all that is decided per request.
    assert "h2c" not in answer
    async with world.session.get(f"{world.url}/user/ada/hop") as response:
        assert not {"Keep-Alive", "Proxy-Connection"} & set(response.headers)
        assert (response.headers["Server"], response.headers["Set-Cookie"]) == ("mine", "a=1")


@pytest.mark.parametrize(
    "path",
    ["/user/ada/a%2Fb%252F%7E%3F%23%5C?q=%2F&x=a+b", "/user/ada//double///slash", "/user/ada/a;b=c,d@e:f!$&'()*+|{}^`", "/user/ada/%C3%A9/.", "/user/ada/?", "/user/%61da/x"],
)  # fmt: skip
async def test_paths_arrive_as_they_were_sent(world: World, path: str) -> None:
    answer = await world.raw(f"GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
    assert f'"path": "{path}"'.replace("\\", "\\\\") in answer


@pytest.mark.parametrize(
    "path", ["/user/ada/../bob/", "/user/ada/%2e%2e/bob/", "/user/ada/.%2E", "/user/ada%2F..%2Fbob/", "/..", "/user/ada/%zz", "*"]
)
async def test_paths_that_mean_no_good_lead_nowhere(world: World, path: str) -> None:
    """They may get to the hub, as all that belongs to nobody, but to no server."""
    answer = await world.raw(f"GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] in ("400", "503")


@pytest.mark.parametrize("start", ["GET /user/ada/x\r\nbad HTTP/1.1\r\n", "GET /user/ada/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
                                   "POST /user/ada/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n", "CONNECT 127.0.0.1:22 HTTP/1.1\r\n"])  # fmt: skip
async def test_requests_that_two_could_read_differently_are_refused(world: World, start: str) -> None:
    answer = await world.raw(f"{start}Host: lab\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] in ("400", "422", "501", "503", "405"), answer


async def test_the_longest_route_leads_in_every_spelling(world: World) -> None:
    proxy = world.hub_side()
    ports = iter(world.ports)
    routes = {
        path: str(next(ports))
        for path in (
            "/user/ann/",
            "/user/anna/",
            "/user/ann@example.com/",
            "/user/a.b-c/",
            "/user/zo%C3%AB/",
            "/user/ann/my%20server/",
            "/user/ann/b/",
        )
    }
    for path, port in routes.items():
        await proxy.add_route(path, f"http://127.0.0.1:{port}", {"user": path})
    spellings = {
        "/user/ann/": "/user/ann/", "/user/ann/labyard/": "/user/ann/", "/user/%61nn/": "/user/ann/", "/user/anna/": "/user/anna/",
        "/user/ann@example.com/": "/user/ann@example.com/", "/user/ann%40example.com/": "/user/ann@example.com/",
        "/user/a.b-c/": "/user/a.b-c/", "/user/a%2eb%2Dc/": "/user/a.b-c/", "/user/zo%c3%ab/": "/user/zo%C3%AB/",
        "/user/ann/my%20server/": "/user/ann/my%20server/", "/user/ann/my/": "/user/ann/", "/user/ann/b/": "/user/ann/b/", "/user/ann/bb/": "/user/ann/",
        "/user/ann/my+server/": "/user/ann/",
    }  # fmt: skip
    expected = {spelling: routes[path] for spelling, path in spellings.items()}
    await world.all_right({**expected, "/user/an/": "503", "/user/annab/": "503", "/user/": "503"}, "each leads to its own")
    await proxy.delete_route("/user/ann/")
    gone = {spelling: port for spelling, port in expected.items() if port != routes["/user/ann/"]}
    await world.all_right({**gone, "/user/ann/": "503", "/user/ann/my/": "503"}, "no other went with it")


async def test_our_services_have_their_routes_before_any_hub_runs(world: World) -> None:
    async def show(request: web.Request) -> web.Response:
        return web.Response(text=f"{label} {request.path}")

    for label, port in (("service", world.platform.service_port), ("mlflow", world.platform.mlflow_port), ("hub", world.platform.hub_port)):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", show)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        name = {"service": "labyard", "mlflow": "mlflow"}.get(label)
        for path in (f"/services/{name}", f"/services/{name}/api/v1/me") if name else ("/hub/login", "/services/labyarder", "/"):
            assert await world.answer(path) == f"{label} {path}"
        await runner.cleanup()


async def test_events_come_one_by_one(world: World) -> None:
    async with world.session.get(f"{world.url}/user/ada/events") as answer:
        for number in range(20):
            event = f"data: {number}\n\n".encode()
            world.server.events.put_nowait(event)
            assert await asyncio.wait_for(answer.content.readexactly(len(event)), 5) == event
        world.server.events.put_nowait(None)
        assert await answer.read() == b""


async def test_uploads_and_downloads_stream(world: World) -> None:
    """The server has the first half of a body before the second is sent, and the proxy keeps neither."""
    half = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(LARGE // 2 // 2**20):
            yield b"x" * 2**20
        await half.wait()
        for _ in range(LARGE // 2 // 2**20):
            yield b"x" * 2**20

    upload = asyncio.ensure_future(world.session.put(f"{world.url}/user/ada/upload", data=body()))

    async def has_half() -> bool:
        return world.server.received == LARGE // 2

    await until(has_half, "the first half is there")
    half.set()
    async with await upload as answer:
        assert await answer.text() == str(LARGE)
    async with world.session.get(f"{world.url}/user/ada/large") as answer:
        assert len(await answer.read()) == LARGE
    assert world.process is not None
    assert psutil.Process(world.process.pid).memory_info().rss < 100 * 2**20


async def test_a_page_says_what_is_wrong(world: World) -> None:
    proxy = world.hub_side()
    await proxy.add_route("/user/gone/", "http://127.0.0.1:1", {"user": "gone"})
    async with world.session.get(f"{world.url}/user/gone/lab") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.content_type == "text/html"
        text = await answer.text()
    assert "Not reachable at the moment" in text
    assert "HAProxy" not in text


async def test_websockets_live_through_storms_of_routes_and_killed_hubs(world: World) -> None:
    """Some hundred of them talk on while routes come and go, a hub is killed in the middle, and the next one tells the proxy all routes anew."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        opening = (session.ws_connect(f"{world.url}/user/ada/ws", protocols=("kernel",), max_msg_size=0) for _ in range(WEBSOCKETS))
        sockets = await asyncio.gather(*opening)
        assert {socket.protocol for socket in sockets} == {"kernel"}

        async def all_talk(word: str) -> None:
            await asyncio.gather(*(socket.send_str(word) for socket in sockets))
            assert set(await asyncio.gather(*(socket.receive_str(timeout=30) for socket in sockets))) == {word}

        await all_talk("first")
        for life in range(2):
            hub = await world.start_hub(life)
            assert hub.stdout is not None
            for _ in range(5):
                await asyncio.wait_for(hub.stdout.readline(), 30)
            await all_talk("while routes change")
            await asyncio.sleep(random.random() / 50)
            hub.kill()
            await hub.communicate()
            await all_talk("while there is no hub")
        proxy = world.hub_side()
        assert "/user/ada/" in await proxy.get_all_routes()
        storm = [proxy.add_route(f"/user/s{number}/", world.target(number), {"user": str(number)}) for number in range(500)]
        await asyncio.gather(asyncio.gather(*storm), all_talk("in a storm"))
        await asyncio.gather(*(proxy.delete_route(f"/user/s{number}/") for number in range(0, 500, 2)))
        # Its route is gone, and those who are there stay until the server ends them.
        await proxy.delete_route("/user/ada/")
        await all_talk("last")
        large = b"x" * (5 * 2**20)
        await sockets[0].send_bytes(large)
        assert await sockets[0].receive_bytes(timeout=30) == large
        await asyncio.gather(*(socket.close() for socket in sockets))


async def test_ten_thousand_routes(world: World) -> None:
    """They are told in one go, are there again with the next proxy and the next hub, and one more is one more."""
    proxy = world.hub_side()
    expected = await add_many(world, proxy, range(10_000))
    some = dict(random.sample(sorted(expected.items()), 300))
    await world.all_right(some, "they lead to their servers")
    world.kill_proxy()
    world.start_proxy()
    await world.all_right(some, "with the next proxy")
    following = world.hub_side()
    assert len(await following.get_all_routes()) == len(expected) + 2
    await following.add_route("/user/new/", world.target(3), {})
    await world.all_right({**some, "/user/new/": str(world.ports[3])}, "with the next hub")


async def test_a_renewed_certificate_is_used_and_nobody_is_cut_off(tmp_path: Path) -> None:
    first, key = make_certificate(tmp_path / "tls")
    async with open_world(tmp_path, tls_certificate=first, tls_key=key) as world:
        hub_side = {"ssl_cert": str(first), "ssl_key": str(key)}
        proxy = world.hub_side(**hub_side)
        await proxy.check_routes({}, {})
        await proxy.add_route("/user/ada/", world.server_url, {"user": "ada"})

        def trusting() -> ssl.SSLContext:
            return ssl.create_default_context(cafile=first)

        former = trusting()
        async with world.session.ws_connect(f"{world.url}/user/ada/ws", ssl=former) as socket:
            await socket.send_str("word")
            assert await socket.receive_str(timeout=30) == "word"
            async with world.session.get(f"{world.url}/user/ada/head", ssl=former) as answer:
                assert dict((await answer.json())["headers"])["x-forwarded-proto"] == "https"

            first.write_text("no certificate")
            await proxy.check_routes({}, {})
            async with world.session.get(f"{world.url}/user/ada/head", ssl=former, headers={"Connection": "close"}) as answer:
                assert answer.status == 503  # ada has no server any more, as the hub has just said

            make_certificate(tmp_path / "tls")
            await proxy.check_routes({}, {})
            renewed = trusting()
            async with aiohttp.ClientSession() as session:
                async with session.get(f"{world.url}/user/ada/head", ssl=renewed) as answer:
                    assert answer.status == 503
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await session.get(f"{world.url}/user/ada/head", ssl=former)
            await socket.send_str("still here")
            assert await socket.receive_str(timeout=30) == "still here"
        world.kill_proxy()
        world.start_proxy()

        async def answers() -> bool:
            return await world.answer("/", ssl=renewed) == "503"

        await until(answers, "the next proxy has the new certificate")
        context = trusting()
        context.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection("127.0.0.1", world.port, ssl=context)
        tls = writer.get_extra_info("ssl_object")
        assert (tls.selected_alpn_protocol(), tls.version()) == ("h2", "TLSv1.3")
        writer.close()


async def test_a_connection_that_a_server_closes_at_the_wrong_moment_costs_no_request(tmp_path: Path) -> None:
    """A server answers and closes when the next request comes on the same connection: what only asks is asked again, what changes something comes on a new one."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head.split()[0].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            seen.append("closed")
        writer.close()

    async with open_world(tmp_path) as world, await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await world.hub_side().add_route("/user/bob/", f"http://127.0.0.1:{port}", {})
        async with aiohttp.ClientSession() as http:
            for method in ("GET", "GET", "POST", "POST", "DELETE", "GET", "HEAD"):
                async with http.request(method, f"{world.url}/user/bob/x") as answer:
                    assert answer.status == 200, (method, seen)
    assert "closed" in seen
    assert seen.count("POST") == 2
    assert seen.count("DELETE") == 1
