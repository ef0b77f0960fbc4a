"""Every route that a project's server has, called by those who may not: by a viewer with every method that writes, by an outsider with every method.

The server has an extension that forgets to ask who is there, as any extension might.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from tests.integration import forgetful_extension
from tests.integration.paths import path_for
from tests.integration.project_world import World, open_world
from tests.platform import open_temporary_folder, start_platform

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

EXTENSION = Path(forgetful_extension.__file__)

REFUSED = (403, 404, 405)
WRITING = ("POST", "PUT", "PATCH", "DELETE")
EXPECTED = {
    # A document is opened by it; no file is made.
    ("jupyter_server_ydoc.handlers.DocSessionHandler", "PUT"): (400, 404, 500),
}
ROBOTS = "jupyter_server.base.handlers.PublicStaticFileHandler"
"""Jupyter Server registers it without its folder (2.21): every request fails."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A world on a platform of its own, whose administrator gives all servers the extension: those of projects read nothing of their home."""
    with open_temporary_folder() as folder:
        (folder / "python").mkdir()
        shutil.copy(EXTENSION, folder / "python")
        (folder / "jupyterhub_config.d").mkdir()
        (folder / "jupyterhub_config.d" / "extension.py").write_text(
            f"c.Spawner.args = [*c.Spawner.get('args', []), '--ServerApp.jpserver_extensions={EXTENSION.stem}=True']\n"
        )
        with (
            start_platform(folder / "state", config={"environment": {"PYTHONPATH": str(folder / "python")}}) as running,
            open_world(running) as world,
        ):
            yield world


@pytest.fixture(scope="module")
def routes(world: World) -> list[dict[str, Any]]:
    answer = world.at_server("ada").get("forgetful/routes")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    assert len(found) > 60
    return found


def origin(world: World) -> str:
    """Return where the project's server is reached; at the platform's own name a request is sent on, without its token."""
    return world.url.partition("/user/")[0]


def _paths(routes: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    for route in routes:
        path = path_for(route["pattern"])
        if not path.startswith("/user/"):
            continue  # it matches addresses that the proxy does not bring here
        assert re.fullmatch(route["pattern"], path), (route, path)
        yield route, path


def test_an_editor_is_served_by_what_forgets_to_ask(world: World) -> None:
    for method in ("GET", *WRITING):
        assert world.at_server("bob").request(method, "forgetful/page").text == "done"


def test_no_route_writes_for_a_viewer(world: World, routes: list[dict[str, Any]]) -> None:
    world.write("kept.txt", "kept")
    before = sorted(path.name for path in world.files.iterdir())
    client = httpx.Client(base_url=origin(world), headers={"Authorization": f"token {world.tokens['carol']}"}, timeout=10, trust_env=False)
    wrong, called = [], 0
    with client:
        for route, path in _paths(routes):
            for method in WRITING:
                status = client.request(method, path, content=b"{}").status_code
                called += 1
                # What is open to all leads to the same address without its last slash.
                harmless = (status == 302 and method in route["public"]) or (status >= 500 and route["handler"] == ROBOTS)
                if not harmless and status not in EXPECTED.get((route["handler"], method), REFUSED):
                    wrong.append((method, path, route["handler"], status))
        for method in WRITING:
            assert client.request(method, f"user/{world.project}/forgetful/page").status_code == 403
    assert not wrong
    assert called > 240
    assert sorted(path.name for path in world.files.iterdir()) == before
    assert (world.files / "kept.txt").read_text() == "kept"
    bob = world.at_server("bob")
    assert bob.get("api/kernels").json() == []
    assert bob.get("api/terminals").json() == []
    assert bob.get("api/sessions").json() == []


async def test_a_viewer_opens_no_websocket_but_those_that_only_show(world: World, routes: list[dict[str, Any]]) -> None:
    opened = set()
    headers = {"Authorization": f"token {world.tokens['carol']}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=20)) as http:
        for route, path in _paths(routes):
            with contextlib.suppress(aiohttp.WSServerHandshakeError):
                async with http.ws_connect(origin(world) + path):
                    opened.add(route["handler"])
    assert "jupyter_server.services.events.handlers.SubscribeWebsocket" in opened
    assert opened <= {"jupyter_server.services.events.handlers.SubscribeWebsocket", "jupyter_server_ydoc.handlers.YDocWebSocketHandler"}


async def test_an_editor_opens_the_websocket_that_forgets_to_ask(world: World) -> None:
    url = f"{world.url}forgetful/socket"
    for name in ("bob", "carol", "dan"):
        async with asyncio.timeout(20), aiohttp.ClientSession(headers={"Authorization": f"token {world.tokens[name]}"}) as http:
            if name == "bob":
                async with http.ws_connect(url) as socket:
                    assert (await socket.receive_str()) == "done"
            else:
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await http.ws_connect(url)


@pytest.mark.parametrize("who", ["dan", "nobody"])
def test_an_outsider_is_refused_by_every_route(world: World, routes: list[dict[str, Any]], who: str) -> None:
    headers = {"Authorization": f"token {world.tokens['dan']}"} if who == "dan" else {}
    wrong = []
    with httpx.Client(base_url=origin(world), headers=headers, timeout=10, trust_env=False) as client:
        for route, path in _paths(routes):
            for method in ("GET", *WRITING):
                answer = client.request(method, path, content=b"{}" if method != "GET" else None)
                to_sign_in = answer.status_code == 302 and "/hub/api/oauth2/authorize" in answer.headers["location"]
                if answer.status_code in REFUSED or to_sign_in or route["handler"] == ROBOTS:
                    continue
                if method not in route["public"]:
                    wrong.append((method, path, route["handler"], answer.status_code))
    assert not wrong
