"""JupyterLab's settings: remembered until a file changes, and compressed; nothing else is."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyterlab_server.settings_handler import SettingsHandler
from tornado import httpserver, testing, web

from labyard_lab.access.adaptions import adaptions
from labyard_lab.settings_answers import CompressedAnswers, RememberedSettings


class _Settings(web.RequestHandler):
    asked = 0
    user: str | None = "ada"

    def initialize(self, folder: Path) -> None:
        self.settings_dir = str(folder / "user")
        self.app_settings_dir = str(folder / "app")
        self.schemas_dir = str(folder / "schemas")
        self.labextensions_path = [str(folder / "labextensions")]

    def get_current_user(self) -> str | None:
        return self.user

    def get(self, name: str = "") -> Any:
        _Settings.asked += 1
        if name == "missing":
            raise web.HTTPError(404)
        self.set_header("Content-Type", "application/json")
        return self.finish(json.dumps({"name": name, "number": _Settings.asked, "text": "x" * 3000}))


class _Remembered(RememberedSettings, _Settings):
    pass


class _Stream(web.RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.write("data: " + "x" * 3000)
        await self.flush()


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(RememberedSettings, "_answers", {})
    monkeypatch.setattr(_Settings, "asked", 0)
    monkeypatch.setattr(_Settings, "user", "ada")
    for folder in ("user", "app", "schemas", "labextensions/@us/ours/schemas/@us/ours"):
        (tmp_path / folder).mkdir(parents=True)
    application = web.Application([
        (r"/user/ada/lab/api/settings/?(.*)", _Remembered, {"folder": tmp_path}),
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


async def test_the_same_answer_until_a_file_changes(client: httpx.AsyncClient, tmp_path: Path) -> None:
    first = (await client.get("lab/api/settings")).json()
    assert (await client.get("lab/api/settings")).json() == first
    changes = [
        "user/@jupyterlab/theme.jupyterlab-settings",
        "app/overrides.json5",
        "schemas/plugin.json",
        "labextensions/@us/ours/schemas/@us/ours/plugin.json",
    ]
    for number, name in enumerate(changes, 2):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
        assert (await client.get("lab/api/settings")).json()["number"] == number
    (tmp_path / changes[0]).write_text('{"theme": "dark"}')
    assert (await client.get("lab/api/settings")).json()["number"] == 6
    (tmp_path / changes[0]).unlink()
    assert (await client.get("lab/api/settings")).json()["number"] == 7


async def test_each_question_has_an_answer_of_its_own(client: httpx.AsyncClient) -> None:
    paths = ("lab/api/settings", "lab/api/settings?ids_only=true", "lab/api/settings/a:b", "lab/api/settings?ids_only=no")
    assert [(await client.get(path)).json()["number"] for path in paths] == [1, 2, 3, 1]


async def test_nobody_gets_it_without_having_signed_in(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.get("lab/api/settings")
    monkeypatch.setattr(_Settings, "user", None)
    answer = await client.get("lab/api/settings")
    assert answer.status_code in (403, 500)  # there is no page to sign in here
    assert "number" not in answer.text


async def test_failures_are_not_remembered(client: httpx.AsyncClient) -> None:
    assert [(await client.get("lab/api/settings/missing")).status_code for _ in range(2)] == [404, 404]
    assert _Settings.asked == 2


async def test_settings_are_compressed(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "lab/api/settings", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert json.loads(gzip.decompress(raw))["number"] == 1
    assert len(raw) < 500
    plain = await client.get("lab/api/settings", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["events", "labyard/tools/x/lab/api/settings"])
async def test_streams_and_tools_are_left_as_they_are(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers


def test_it_stands_before_jupyterlabs_handler() -> None:
    assert RememberedSettings in adaptions(SettingsHandler)
