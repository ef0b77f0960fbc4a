"""Websockets through the proxy of a real Jupyter server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.labyard_lab.conftest import TOKEN, LabServer, echo_tool

AUTHORIZATION = {"Authorization": f"token {TOKEN}"}


@pytest.fixture(params=["echo", "stripped", "by-port"])
def url(request: pytest.FixtureRequest, echo_server: LabServer) -> str:
    return echo_server.tool_url(echo_server.open(request.param), "socket")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers=AUTHORIZATION) as session:
        yield session


async def test_messages(url: str, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(f"{url}?a=1&token={TOKEN}", max_msg_size=0) as websocket:
        seen = json.loads(await websocket.receive_str())
        assert seen["uri"].endswith("/socket?a=1")
        names = [name.lower() for name, _ in seen["headers"]]
        assert "authorization" not in names
        assert names.count("sec-websocket-key") == 1
        for text in ("hello", "", "ünïcode 🎉", "x" * 2_000_000):
            await websocket.send_str(text)
            assert await websocket.receive_str() == text
        for data in (b"\x00\xff", b"", bytes(5_000_000)):
            await websocket.send_bytes(data)
            assert await websocket.receive_bytes() == data


async def test_the_tool_chooses_the_subprotocol(url: str, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(url, protocols=["one", "two", "three"]) as websocket:
        assert websocket.protocol == "three"
    async with session.ws_connect(url) as websocket:
        assert websocket.protocol is None


async def test_the_tools_close_code_reaches_the_browser(url: str, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(url) as websocket:
        await websocket.receive()
        await websocket.send_str("close 4321 had enough")
        message = await websocket.receive()
        assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 4321, "had enough")


async def test_the_browsers_close_code_reaches_the_tool(url: str, session: aiohttp.ClientSession) -> None:
    websocket = await session.ws_connect(url)
    await websocket.receive()
    await websocket.close(code=4001, message=b"going")
    for _ in range(200):
        async with session.get(url.replace("/socket", "/closed")) as response:
            told = await response.json(content_type=None)
        if told == [4001, "going"]:
            break
        await asyncio.sleep(0.02)
    assert told == [4001, "going"]


async def test_crash_of_the_tool_closes_the_websocket(make_server: Callable[..., LabServer], session: aiohttp.ClientSession) -> None:
    server = make_server([echo_tool()])
    instance = server.open("echo")
    async with session.ws_connect(server.tool_url(instance, "socket")) as websocket:
        await websocket.receive()
        await asyncio.to_thread(server.client.delete, "instances/echo")
        message = await websocket.receive(timeout=10)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_an_open_one_keeps_the_tool_alive(make_server: Callable[..., LabServer], session: aiohttp.ClientSession) -> None:
    server = make_server([echo_tool(idle_timeout_seconds=3)])
    instance = server.open("echo")
    async with session.ws_connect(server.tool_url(instance, "socket")) as websocket:
        await websocket.receive()
        for _ in range(40):
            assert (await asyncio.to_thread(server.client.get, "instances/echo")).json()["state"] == "running"
            await asyncio.sleep(0.1)
        await websocket.send_str("still there")
        assert await websocket.receive_str() == "still there"
    await asyncio.to_thread(server.wait_for, "echo", "stopped", 20)


async def test_what_is_no_websocket_of_the_tool(echo_server: LabServer, session: aiohttp.ClientSession) -> None:
    instance = await asyncio.to_thread(echo_server.open, "echo")
    with pytest.raises(aiohttp.WSServerHandshakeError) as no_websocket:
        await session.ws_connect(echo_server.tool_url(instance, "ready"))
    assert no_websocket.value.status in (400, 502)
    with pytest.raises(aiohttp.WSServerHandshakeError) as unknown:
        await session.ws_connect(f"{echo_server.url}labyard/tools/nope/socket")
    assert unknown.value.status == 404


async def test_starting_one_says_so(make_server: Callable[..., LabServer], session: aiohttp.ClientSession, tmp_path: Path) -> None:
    server = make_server([echo_tool("slow", command=("sleep", "60", "{socket}"))])
    server.client.post("instances", json={"tool": "slow"})
    with pytest.raises(aiohttp.WSServerHandshakeError) as starting:
        await session.ws_connect(f"{server.url}labyard/tools/slow/socket")
    assert starting.value.status == 503


async def test_strangers_and_foreign_pages(echo_server: LabServer) -> None:
    url = echo_server.tool_url(await asyncio.to_thread(echo_server.open, "echo"), "socket")
    async with httpx.AsyncClient() as client:
        await client.get(f"{echo_server.url}login?token={TOKEN}")
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    own = f"http://127.0.0.1:{echo_server.port}"
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, headers={"Cookie": cookies, "Origin": own}) as websocket:
            assert cookies not in await websocket.receive_str()
        for headers in (
            {},
            {"Origin": own},
            {"Cookie": cookies, "Origin": "https://evil.example"},
            {"Cookie": cookies, "Origin": "null"},
            {"Authorization": "token wrong"},
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url, headers=headers)
            assert refused.value.status == 403
