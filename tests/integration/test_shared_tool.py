"""A tool that runs in somebody's own server and is shared with a project: who gets to it, and that nobody gets further."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from labyard_hub.backends.local.accounts import ensure_account
from tests.integration.project_world import World, open_world
from tests.labyard_lab.conftest import ECHO_TOOL
from tests.platform import RunningPlatform, is_root, named, wait_until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.integration, pytest.mark.timeout(300)]

OUT_SECONDS = 10.0


@dataclass
class Shared:
    world: World
    share: dict[str, Any]
    tool: str

    def page(self, name: str) -> httpx.Response:
        """Open the link in the browser of `name`, and agree where that is asked."""
        session = self.world.sessions[name]
        answer = session.http.get(self.share["url"], headers={"Sec-Fetch-Site": "none"})
        if "Allow access" in answer.text:
            assert "the server of <strong>ada</strong>" in answer.text
            scopes = re.findall(r'name="scopes" value="([^"]+)"', answer.text)
            answer = session.http.post(answer.url, data={"_xsrf": session.xsrf, "scopes": scopes})
        return answer

    def at_tool(self, name: str) -> httpx.Client:
        return self.world.running.client(self.tool.lstrip("/"), self.world.tokens[name])


@pytest.fixture(scope="module")
def shared(shared_platform: RunningPlatform) -> Iterator[Shared]:
    with open_world(shared_platform) as world:
        account = ensure_account("ada", world.running.state, isolated=is_root())
        folder = account.home / ".config" / "labyard" / "tools.d"
        folder.mkdir(parents=True)
        program = shutil.copy(ECHO_TOOL, account.home / "echo_tool.py")
        for name in ("echo", "private"):
            command = json.dumps([sys.executable, str(program), "--socket", "{socket}", "--base-url", "{base_url}"])
            (folder / f"{name}.yaml").write_text(f"title: {name}\ncommand: {command}\nready_path: /ready\nforward_user: true\n")
        for path in (account.home, *account.home.rglob("*")):
            os.chown(path, account.uid, account.gid)
        world.sessions["ada"].start_server("ada")
        ada = world.running.client("user/ada/labyard/api/v1/", world.tokens["ada"])
        urls = {}
        for name in ("echo", "private"):
            assert ada.post("instances", json={"tool": name}).status_code == 201
            wait_until(lambda name=name: ada.get(f"instances/{name}").json()["state"] == "running", name)
            urls[name] = ada.get(f"instances/{name}").json()["url"]
        share = world.call("ada", "POST", "projects/vision/tools", 201, {"instance": "echo", "title": "Echo"})
        yield Shared(world, share, urls["echo"])


def test_a_member_comes_by_the_link(shared: Shared) -> None:
    for name in ("bob", "carol"):
        answer = shared.page(name)
        assert (answer.status_code, answer.url.path) == (200, shared.tool), answer.text[:300]
        seen = dict(answer.json()["headers"])
        assert seen["X-Labyard-User"] == name
        assert "Authorization" not in seen
        assert "jupyterhub" not in seen.get("Cookie", "")
        assert "labyard" not in seen.get("Cookie", "")
    # Programs come the same way once they were let in.
    assert dict(shared.at_tool("bob").get("x").json()["headers"])["X-Labyard-User"] == "bob"
    assert "token " + shared.world.tokens["bob"] not in shared.at_tool("bob").get("x").text


def test_nobody_else_comes(shared: Shared) -> None:
    assert shared.page("dan").status_code == 404
    assert shared.at_tool("dan").get("x").status_code == 403
    assert httpx.get(named(shared.world.running.url.rstrip("/") + shared.tool), trust_env=False).status_code in (302, 403)


def test_a_viewer_looks_and_changes_nothing(shared: Shared) -> None:
    for method, statuses in (("GET", (200, 200)), ("HEAD", (200, 200)), ("POST", (200, 403)), ("PUT", (200, 403)), ("DELETE", (200, 403))):
        assert tuple(shared.at_tool(name).request(method, "x").status_code for name in ("bob", "carol")) == statuses, method


@pytest.mark.parametrize("name", ["bob", "carol"])
def test_a_visitor_gets_no_further(shared: Shared, name: str) -> None:
    server = shared.world.running.client("user/ada/", shared.world.tokens[name])
    private = shared.tool.replace("echo", "private")
    for path in (
        "lab", "tree", "api/contents", "api/kernels", "api/me", "api/terminals", "api/sessions", "labyard/api/v1/instances", "labyard/api/v1/tools", "metrics",
        "labyard/api/v1/platform/projects", "labyard/tools", "labyard/tools/echo%2F..%2Fprivate/x", "labyard/tools/echo/../private/x", "lab/api/settings",
        private.removeprefix("/user/ada/"), "proxy/22/", "files/echo_tool.py", "nbconvert/html/a.ipynb", "labyard/open/echo", "labyard/tools/echo%2f%2e%2e/x",
    ):  # fmt: skip
        status = server.get(path).status_code
        assert status in ((400,) if "%2F.." in path or "%2f%2e%2e" in path else (403, 404)), (path, status)  # the proxy refuses hidden dots
    for method, path in (("POST", "api/kernels"), ("POST", "api/terminals"), ("PUT", "api/contents/a.txt"), ("POST", "labyard/api/v1/instances"), ("POST", "api/shutdown"),
                         ("DELETE", "labyard/api/v1/instances/echo")):  # fmt: skip
        assert server.request(method, path, json={}).status_code == 403, path
    assert shared.world.running.client("user/ada/", shared.world.tokens["ada"]).get("api/contents").status_code == 200


async def test_whoever_loses_it_is_out_with_everything_that_is_open(shared: Shared) -> None:
    world = shared.world
    url = named(world.running.url.rstrip("/") + shared.tool)
    async with aiohttp.ClientSession(headers={"Authorization": f"token {world.tokens['bob']}"}) as http:
        socket = await http.ws_connect(f"{url}socket")
        assert json.loads(await socket.receive_str())["uri"]
        stream = await http.get(f"{url}events", params={"count": "2", "go": "/nowhere/"})
        assert (await stream.content.readline()).startswith(b"data: 0")
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await http.ws_connect(f"{url}socket", headers={"Authorization": f"token {world.tokens['carol']}"})
        try:
            await asyncio.to_thread(world.set_role, "bob", None)
            async with asyncio.timeout(OUT_SECONDS):
                assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
                await _until_broken(stream)
            assert (await asyncio.to_thread(shared.at_tool("bob").get, "x")).status_code == 403
        finally:
            await asyncio.to_thread(world.set_role, "bob", "editor")
            stream.close()
            await socket.close()


async def _until_broken(stream: aiohttp.ClientResponse) -> None:
    try:
        while await stream.content.readline():
            pass
    except aiohttp.ClientError:
        pass


def test_an_end_of_sharing_counts(shared: Shared) -> None:
    world = shared.world
    assert shared.at_tool("carol").get("x").status_code == 200
    world.call("ada", "DELETE", f"projects/vision/tools/{shared.share['id']}", 204)
    wait_until(lambda: shared.at_tool("carol").get("x").status_code == 403, "carol is out", OUT_SECONDS)
    assert shared.page("carol").status_code == 404
    assert Path(world.running.root).exists()
