"""The server of a project, on a real platform: who may do what there, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
from pycrdt import Doc, Text, create_update_message

from labyard_hub.backends.local.accounts import ensure_account
from tests.integration.project_world import PASSWORD, World, open_world
from tests.integration.rtc import Editor
from tests.platform import RunningPlatform, is_root, wait_until
from tests.waiting import until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.integration, pytest.mark.timeout(300)]

OUT_SECONDS = 10.0
"""Whoever loses a right has lost it everywhere after so long."""


@pytest.fixture(scope="module")
def world(shared_platform: RunningPlatform) -> Iterator[World]:
    with open_world(shared_platform) as world:
        yield world


@pytest.fixture
def port() -> Iterator[int]:
    """A program on a port of the machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield web.server_address[1]
        web.shutdown()


def test_members_come_in_by_the_browser_with_no_question_and_others_do_not(world: World) -> None:
    for name, role in (("ada", "owner"), ("bob", "editor"), ("carol", "viewer")):
        session = world.sessions[name].http
        page = session.get(f"user/{world.project}/lab")
        assert (page.status_code, page.url.path) == (200, f"/user/{world.project}/lab")
        model = session.get(f"user/{world.project}/labyard/api/v1/project").json()
        assert model == {"id": world.project, "name": "vision", "works": role != "viewer", "user": name}
    refused = world.sessions["dan"].http.get(f"user/{world.project}/lab")
    assert (refused.status_code, refused.url.path) == (404, "/services/labyard/projects/vision/enter")
    assert world.at_server("dan").get("api/contents").status_code == 403
    assert httpx.get(f"{world.url}api/contents", trust_env=False).status_code == 403
    assert world.call("dan", "POST", "projects/vision/server", 404)


def test_an_address_is_enough_for_a_member_who_never_opened_the_server(world: World) -> None:
    world.running.add_user("fred", PASSWORD)
    world.set_role("fred", "viewer")
    world.write("seen.txt", "by address")
    session = world.running.session("fred", PASSWORD).http
    page = session.get(f"user/{world.project}/lab/tree/seen.txt")
    assert (page.status_code, page.url.path) == (200, f"/user/{world.project}/lab/tree/seen.txt")
    # It leads to the hub's question and to this server, nowhere else.
    session.get("services/labyard/projects/vision/enter")  # signs in at the service
    led = session.get("services/labyard/projects/vision/enter?next=https://example.org/", follow_redirects=False)
    assert urlsplit(led.headers["location"]).path == f"/user/{world.project}/lab"
    world.set_role("fred", None)


def test_a_token_is_enough_for_a_member_who_never_opened_the_server(world: World) -> None:
    """Also for one who signs in for the first time after the invitation."""
    world.running.add_user("gwen", PASSWORD)
    world.set_role("gwen", "viewer")
    try:
        session = world.running.session("gwen", PASSWORD)
        program = world.running.client(f"user/{world.project}/", session.token("gwen"))
        assert program.get("api/contents").status_code == 200
        assert program.post("api/terminals").status_code == 403
        narrow = session.token("gwen", scopes=["access:services!service=mlflow"])
        assert world.running.client(f"user/{world.project}/", narrow).get("api/contents").status_code == 403
    finally:
        world.set_role("gwen", None)
    wait_until(lambda: program.get("api/contents").status_code == 403, "gwen is out", OUT_SECONDS)


def test_no_dialog_copies_a_link_with_a_token(world: World) -> None:
    page = world.at_server("ada").get("lab", headers={"Accept": "text/html"}).text
    assert (
        "@jupyter/collaboration-extension:shared-link"
        in json.loads(page.partition('type="application/json">')[2].partition("</script>")[0])["disabledExtensions"]
    )


async def test_two_edit_one_file_and_a_third_sees_it(world: World) -> None:
    file = world.write("together.txt", "one ")
    async with (
        Editor(world.url, world.tokens["ada"], "together.txt") as ada,
        Editor(world.url, world.tokens["bob"], "together.txt") as bob,
        Editor(world.url, world.tokens["carol"], "together.txt") as carol,
    ):
        for one in (ada, bob, carol):
            await one.until(lambda one=one: one.text == "one ", "the file's text")
        await ada.type("two ")
        await bob.until(lambda: bob.text == "one two ", "what ada wrote")
        await bob.type("three")
        for one in (ada, carol):
            await one.until(lambda one=one: one.text == "one two three", "what both wrote")
        await ada.point("ada")
        await carol.point("carol")
        await bob.until(lambda: bob.names() == {"ada", "carol"}, "cursors")
        await carol.until(lambda: "ada" in carol.names(), "ada's cursor")
        await asyncio.to_thread(wait_until, lambda: file.read_text() == "one two three", "the file is saved")
    # A save writes beside the file for a moment.
    hidden = lambda: [entry.name for entry in world.files.iterdir() if entry.name.startswith(".")]  # noqa: E731
    await until(lambda: not hidden(), "what the server keeps for itself lies elsewhere")


async def test_trap_4_what_a_viewer_sends_into_a_room_is_not_taken(world: World) -> None:
    """JupyterHub and jupyter-collaboration take the room's websocket for reading: the same messages of an editor are taken."""
    file = world.write("looked-at.txt", "as it was")

    def forged(text: str) -> bytes:
        doc: Doc[Text] = Doc()
        doc["source"] = Text(text)
        return doc.get_update()

    async with (
        Editor(world.url, world.tokens["carol"], "looked-at.txt") as carol,
        Editor(world.url, world.tokens["bob"], "looked-at.txt") as bob,
    ):
        for one in (bob, carol):
            await one.until(lambda one=one: one.text == "as it was", "the file's text")
        await carol.type("!")
        update = forged("hacked")
        for message in (
            create_update_message(update),
            b"\x00\x01" + create_update_message(update)[2:],  # an answer to a question
            b"\x80\x00\x02" + create_update_message(update)[2:],  # the same numbers, written longer
            b"\x00\x82\x00" + create_update_message(update)[2:],
            b"\x02\x04save\x07",
        ):
            await carol.socket.send_bytes(message)
        await carol.socket.send_str("text")
        await carol.until(lambda: any(b'"responseTo": 7' in one and b"failed" in one for one in carol.received), "the answer to `save`")
        # What came before in the same socket has been handled, or dropped, when this arrives.
        await carol.point("carol")
        await bob.until(lambda: "carol" in bob.names(), "carol's cursor")
        assert bob.text == "as it was"
        await bob.socket.send_bytes(create_update_message(forged("bob wrote this; ")))
        async with Editor(world.url, world.tokens["ada"], "looked-at.txt") as ada:
            await ada.until(lambda: "bob wrote this" in ada.text, "what bob sent")
            assert "hacked" not in ada.text
            assert "!" not in ada.text
        await asyncio.to_thread(wait_until, lambda: "bob wrote this" in file.read_text(), "the file is saved")
    assert "hacked" not in file.read_text()


@pytest.mark.skipif(not is_root(), reason="needs isolation")
def test_what_is_made_there_is_everybodys_by_role(world: World) -> None:
    bob = world.at_server("bob")
    for path, body in (("made.txt", {"type": "file", "format": "text", "content": "x"}), ("made", {"type": "directory"})):
        assert bob.put(f"api/contents/{path}", json=body).status_code == 201
    assert bob.put("api/contents/made/deep.txt", json={"type": "file", "format": "text", "content": "x"}).status_code == 201
    for name, writes in (("bob", True), ("carol", False), ("dan", None)):
        account = ensure_account(name, world.running.state, isolated=True)
        for path in ("made.txt", "made/deep.txt"):
            file = world.files / path
            become = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
            assert (subprocess.run([*become, "cat", file], capture_output=True, check=False).returncode == 0) is (writes is not None), (
                name,
                path,
            )
            assert (subprocess.run([*become, "tee", "-a", file], input=b"y", capture_output=True, check=False).returncode == 0) is bool(
                writes
            ), (name, path)


def test_a_viewer_is_told_that_nothing_can_be_written(world: World) -> None:
    world.write("read.txt", "x")
    model = world.at_server("carol").get("api/contents").json()
    assert model["writable"] is False
    assert model["content"]
    assert not any(entry["writable"] for entry in model["content"])
    assert world.at_server("carol").get("api/contents/read.txt").json()["writable"] is False
    assert world.at_server("bob").get("api/contents/read.txt").json()["writable"] is True


def test_trap_3_a_viewer_reaches_no_port(world: World, port: int) -> None:
    """jupyter-server-proxy does not ask the authorizer."""
    for path in (f"proxy/{port}/", f"proxy/absolute/{port}/", f"proxy/localhost:{port}/"):
        assert world.at_server("bob").get(path).status_code == 200, path
        for method in ("GET", "POST", "PUT", "OPTIONS", "HEAD"):
            assert world.at_server("carol").request(method, path).status_code == 403, path


def test_trap_1_visits_are_shared_by_user(world: World) -> None:
    """The hub takes a share with a group, and lets nobody of that group in: their tokens lack the access. So visits are shared one by one."""
    access = f"access:servers!server={world.project}/"

    def scopes(name: str) -> list[str]:
        found: list[str] = world.hub(world.tokens[name]).get("user").json()["scopes"]
        return found

    world.running.add_user("eve", PASSWORD, admin=True)
    administrator = world.hub(world.running.session("eve", PASSWORD).token("eve"))
    assert administrator.post("groups/friends").status_code == 201
    assert administrator.post("groups/friends/users", json={"users": ["dan"]}).status_code == 200
    assert administrator.post(f"shares/{world.project}/", json={"group": "friends"}).status_code == 200
    assert access not in scopes("dan")
    service = world.hub(world.service_token())
    assert service.post(f"labyard/visitors/{world.project}", json={"user": "dan"}).status_code == 204
    assert access in scopes("dan")
    # The hub would let dan in now, and an administrator always; the server knows that neither is a member.
    for session in (world.sessions["dan"], world.running.session("eve", PASSWORD)):
        assert session.http.get(f"user/{world.project}/lab").status_code == 403
        assert "You have no access to this server" in session.http.get(f"user/{world.project}/lab").text
    assert service.put(f"labyard/visitors/{world.project}", json={"users": ["ada", "bob", "carol"]}).status_code == 204
    assert access not in scopes("dan")
    assert [share["kind"] for share in administrator.get(f"shares/{world.project}/").json()["items"]] == ["user"] * 3


def test_trap_2_a_role_counts_without_signing_in_again(world: World) -> None:
    """Custom scopes of a share never reach a browser's token, so the server asks the service for the role."""
    session = world.sessions["carol"].http
    works = lambda: session.get(f"user/{world.project}/labyard/api/v1/project").json()["works"]  # noqa: E731
    assert not works()
    assert world.at_server("carol").post("api/terminals").status_code == 403
    try:
        world.set_role("carol", "editor")
        wait_until(works, "the new role", OUT_SECONDS)
        assert world.at_server("carol").post("api/terminals").status_code == 200
        world.set_role("carol", "viewer")
        wait_until(lambda: world.at_server("carol").post("api/terminals").status_code != 200, "the old role", OUT_SECONDS)
        world.let_in("carol", "viewer")  # the server stopped with whatever carol had started in it
        assert world.at_server("carol").post("api/terminals").status_code == 403
    finally:
        world.let_in("carol", "viewer")


class Sockets:
    """What a member has open: a kernel, a terminal, a document and a stream."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Sockets:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        headers = {"Authorization": f"token {self._world.tokens[self._name]}"}
        http = await self._stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        url = self._world.url
        async with http.post(f"{url}api/kernels", json={"name": "python3"}) as answer:
            assert answer.status == 201, await answer.text()
            kernel = (await answer.json())["id"]
        async with http.post(f"{url}api/terminals") as answer:
            terminal = (await answer.json())["name"]
        document = await self._stack.enter_async_context(Editor(url, self._world.tokens[self._name], "open.txt"))
        self.sockets = {
            "kernel": await http.ws_connect(f"{url}api/kernels/{kernel}/channels"),
            "terminal": await http.ws_connect(f"{url}terminals/websocket/{terminal}"),
            "events": await http.ws_connect(f"{url}api/events/subscribe"),
        }
        self.document = document

    async def __aexit__(self, *error: object) -> None:
        for socket in self.sockets.values():
            await socket.close()
        await self._stack.aclose()

    async def closed(self, *names: str) -> float:
        """Wait until these are closed by the server, and return how long that took."""
        began = time.monotonic()
        await asyncio.wait_for(asyncio.gather(*(self._until_closed(name) for name in names)), OUT_SECONDS + 5)
        return time.monotonic() - began

    async def _until_closed(self, name: str) -> None:
        if name == "document":
            await asyncio.shield(self.document._reader)
            return
        while (await self.sockets[name].receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
            pass


async def test_whoever_is_removed_is_out_with_everything_that_is_open(world: World) -> None:
    world.write("open.txt", "x")
    try:
        async with Sockets(world, "bob") as bob:
            await asyncio.to_thread(world.set_role, "bob", None)
            seconds = await bob.closed("kernel", "terminal", "events", "document")
            assert seconds < OUT_SECONDS
            await asyncio.to_thread(world.enter, "ada")  # the server stopped with whatever bob had started in it
            assert (await asyncio.to_thread(world.at_server("bob").get, "api/contents")).status_code == 403
            assert (await asyncio.to_thread(world.sessions["bob"].http.get, f"user/{world.project}/api/contents")).status_code == 403
    finally:
        await asyncio.to_thread(world.let_in, "bob", "editor")


async def test_whoever_becomes_a_viewer_loses_kernels_and_terminals_and_can_go_on_looking(world: World) -> None:
    world.write("open.txt", "x")
    try:
        async with Sockets(world, "bob") as bob:
            await asyncio.to_thread(world.set_role, "bob", "viewer")
            assert await bob.closed("kernel", "terminal", "document") < OUT_SECONDS
        await asyncio.to_thread(world.enter, "bob")
        assert (await asyncio.to_thread(world.at_server("bob").post, "api/kernels")).status_code == 403
        async with Editor(world.url, world.tokens["bob"], "open.txt") as editor:
            await editor.until(lambda: editor.text == "x", "the file's text")
    finally:
        await asyncio.to_thread(world.let_in, "bob", "editor")


async def test_a_viewer_who_is_removed_is_out_while_the_server_runs_on(world: World) -> None:
    world.write("open.txt", "x")
    bob = world.at_server("bob")
    kernel = (await asyncio.to_thread(bob.post, "api/kernels", json={"name": "python3"})).json()["id"]
    token = world.tokens["carol"]
    try:
        async with (
            Editor(world.url, token, "open.txt") as document,
            aiohttp.ClientSession(headers={"Authorization": f"token {token}"}) as http,
            http.ws_connect(f"{world.url}api/events/subscribe") as events,
        ):
            await asyncio.to_thread(world.set_role, "carol", None)
            async with asyncio.timeout(OUT_SECONDS):
                await asyncio.shield(document._reader)
                while not events.closed:
                    await events.receive()
        assert (await asyncio.to_thread(world.at_server("carol").get, "api/contents")).status_code == 403
        assert (await asyncio.to_thread(bob.get, f"api/kernels/{kernel}")).status_code == 200
    finally:
        await asyncio.to_thread(bob.delete, f"api/kernels/{kernel}")
        await asyncio.to_thread(world.let_in, "carol", "viewer")


async def test_without_the_service_nobody_stays_in(world: World) -> None:
    world.write("open.txt", "x")
    service = world.running.process_id("service")
    async with Sockets(world, "bob") as bob:
        os.kill(service, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert await bob.closed("kernel", "terminal", "document") < OUT_SECONDS + 1
            assert time.monotonic() - began > 3, "one that restarts is waited for"
            answer = await asyncio.to_thread(world.at_server("bob").get, "api/contents")
            assert answer.status_code == 503, "unknown, and not refused"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(service, signal.SIGCONT)
    await asyncio.to_thread(wait_until, lambda: world.at_server("bob").get("api/contents").status_code == 200, "the service is back", 60)


def test_only_the_service_makes_projects_users_and_lets_visitors_in(world: World) -> None:
    administrator = world.running.state.secret("cli_token")
    for token in (world.tokens["ada"], administrator, "wrong"):
        hub = world.hub(token)
        assert hub.put("labyard/project-users/evil--p0123456789").status_code == 403
        assert hub.delete(f"labyard/project-users/{world.project}").status_code == 403
        assert hub.post(f"labyard/visitors/{world.project}", json={"user": "dan"}).status_code == 403
        assert hub.put(f"labyard/visitors/{world.project}", json={"users": []}).status_code == 403
    service = world.hub(world.service_token())
    for name in ("mallory", "ada", "vision--p012345678", "vision--p0123456789x", "Vision--p0123456789", "..", "a%2Fb"):
        assert service.put(f"labyard/project-users/{name}").status_code in (400, 404), name
        assert service.delete(f"labyard/project-users/{name}").status_code == 404, name
    for body in (None, {}, [], {"user": 1}, {"user": "nobody"}, {"user": world.project}):
        assert service.post(f"labyard/visitors/{world.project}", json=body).status_code == 400, body
    for users in (None, "ada", [1], {"a": 1}):
        assert service.put(f"labyard/visitors/{world.project}", json={"users": users}).status_code == 400, users
    assert world.at_server("ada").get("api/contents").status_code == 200


def test_the_service_has_no_scope_but_those_that_it_needs(world: World) -> None:
    hub = world.hub(world.service_token())
    scopes = set(hub.get("user").json()["scopes"])
    assert scopes == {
        "custom:labyard:projects",  # to make the users that own projects' servers, and say who may visit
        "delete:servers!group=labyard-projects",  # to stop them
        "read:servers!group=labyard-projects",  # to tell whether they run
        "read:users:name!group=labyard-projects",  # contained in the one before
        "start:servers!group=labyard-projects",
    }
    refused = {
        "users": "GET", "users/mallory": "POST", "users/ada": "DELETE", "users/ada/tokens": "POST", f"users/{world.project}/tokens": "POST",
        "users/ada/server": "POST", "groups": "GET", "groups/labyard-projects/users": "POST", "shares/ada/": "POST", f"shares/{world.project}/": "POST",
        "proxy": "GET", "shutdown": "POST",
    }  # fmt: skip
    for path, method in refused.items():
        assert hub.request(method, path, json={"user": "dan"}).status_code in (403, 404), path
    assert world.running.client(f"user/{world.project}/", world.service_token()).get("api/contents").status_code == 403


def test_the_hubs_end_ends_no_projects_server(world: World) -> None:
    """A new hub removes users whom the identity store does not know, but for those that own projects' servers."""
    os.kill(world.running.process_id("hub"), signal.SIGKILL)
    wait_until(lambda: _answers(world.hub(world.service_token()), "info"), "the hub is back", 90)
    assert world.call("ada", "GET", "projects/vision/server")["state"] == "running"
    wait_until(lambda: world.at_server("bob").get("api/contents").status_code == 200, "the server lets bob in", 30)
    world.sessions["carol"].http.cookies.clear()
    world.sessions["carol"].sign_in("carol", PASSWORD)
    assert world.sessions["carol"].http.get(f"user/{world.project}/lab").status_code == 200


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code < 500
    except httpx.HTTPError:
        return False


def test_nobody_signs_in_as_a_project(world: World) -> None:
    session = world.running.session(world.project, PASSWORD)
    assert session.http.get("hub/home", follow_redirects=False).status_code == 302
    done = world.running.labyard("user", "add", world.project, "--password-stdin", stdin=PASSWORD, check=False)
    assert done.returncode != 0
    assert world.project not in world.running.labyard("user", "list").stdout
    assert json.loads(world.running.labyard("user", "list", "--json").stdout)
