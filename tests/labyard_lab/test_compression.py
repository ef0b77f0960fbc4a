"""JupyterLab's settings are compressed; streams and what tools send are not."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from tornado import httpserver, testing, web

from labyard_lab.compression import CompressedAnswers


class _Settings(web.RequestHandler):
    def get(self) -> None:
        self.write({"text": "x" * 3000})


class _Stream(web.RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.write("data: " + "x" * 3000)
        await self.flush()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    application = web.Application([
        (r"/user/ada/lab/api/settings", _Settings),
        (r"/user/ada/labyard/tools/x/lab/api/settings", _Stream),
        (r"/user/ada/events", _Stream),
    ])  # fmt: skip
    CompressedAnswers.install(application, "/user/ada/")
    listening, port = testing.bind_unused_port()
    server = httpserver.HTTPServer(application)
    server.add_socket(listening)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/user/ada/", trust_env=False) as client:
        yield client
    server.stop()
    await server.close_all_connections()


async def test_settings_are_compressed(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "lab/api/settings", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert json.loads(gzip.decompress(raw)) == {"text": "x" * 3000}
    assert len(raw) < 500
    plain = await client.get("lab/api/settings", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["events", "labyard/tools/x/lab/api/settings"])
async def test_streams_and_tools_are_left_as_they_are(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers
