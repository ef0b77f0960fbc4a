"""A member's server against whoever opens a page of it: bob's page runs his script in the browsers of ada, who administers, and of carol."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import snap
from tests.platform import Browserless, RunningPlatform, open_temporary_folder, start_platform, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PASSWORD = "correct horse battery"

EVIL = '''
"""bob's own configuration of his own server: its gate lets everybody in, and a page of it does what he likes."""
from pathlib import Path

async def admit(self, handler, target):
    return None

from labyard_lab.access.gate import Gate
Gate.admit = admit

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from tornado import web

class Evil(web.RequestHandler):
    def check_xsrf_cookie(self):
        return None
    def get(self, name):
        self.set_header("Content-Type", "text/javascript" if name.endswith(".js") else "text/html")
        self.set_header("Service-Worker-Allowed", "/")
        self.finish((Path.home() / "evil" / (name or "index.html")).read_text())

made = ServerApp.init_webapp
def init_webapp(self):
    made(self)
    self.web_app.add_handlers(".*", [(self.base_url + "evil/(.*)", Evil)])
ServerApp.init_webapp = init_webapp
'''

PAGE = """<!doctype html><title>evil</title><script src="evil.js"></script>"""

SCRIPT = """
const BASE = location.origin.replace("//bob.", "//");
const VICTIM = new URLSearchParams(location.search).get("victim");
const OWN = location.origin.replace("//bob.", `//${VICTIM}.`);
async function read(url, options) {
  try {
    const answer = await fetch(url, { credentials: "include", ...options });
    return { url, status: answer.status, type: answer.type, text: (await answer.text()).slice(0, 300) };
  } catch (error) {
    return { url, refused: String(error) };
  }
}
function reach(opened) {
  try {
    return opened.document.documentElement.outerHTML.slice(0, 300);
  } catch (error) {
    return { refused: error.name };
  }
}
const later = (ms) => new Promise((done) => setTimeout(done, ms));
async function attack() {
  const found = {};
  for (const root of [BASE, location.origin, OWN]) {
    for (const path of ["/hub/token", "/hub/api/user", "/services/labyard/api/v1/projects", "/services/mlflow/api/2.0/mlflow/experiments/search?max_results=5", `/user/${VICTIM}/api/contents`]) {
      found["cors " + root + path] = await read(root + path);
      found["no-cors " + root + path] = await read(root + path, { mode: "no-cors" });
    }
    const json = { method: "POST", body: JSON.stringify({ note: "evil" }) };
    for (const path of [`/hub/api/users/${VICTIM}/tokens`, "/services/labyard/api/v1/projects", `/user/${VICTIM}/api/contents`]) {
      found["post " + root + path] = await read(root + path, { ...json, headers: { "Content-Type": "application/json" } });
      found["blind post " + root + path] = await read(root + path, { ...json, mode: "no-cors", headers: { "Content-Type": "text/plain" } });
    }
  }
  document.cookie = `jupyterhub-hub-login=evil; domain=${location.hostname.replace("bob.", "")}; path=/hub/`;
  document.cookie = `__Host-jupyterhub-hub-login=evil; secure; domain=${location.hostname.replace("bob.", "")}; path=/`;
  document.cookie = `__Host-jupyterhub-hub-login=evil; secure; path=/`;
  found.cookies = document.cookie;
  for (const path of ["/hub/home", "/hub/token", "/services/labyard/api/v1/projects", `/user/${VICTIM}/lab`]) {
    const frame = document.createElement("iframe");
    frame.src = BASE + path;
    document.body.append(frame);
    await new Promise((done) => ((frame.onload = done), setTimeout(done, 3000)));
    found["frame " + path] = frame.contentDocument ? frame.contentDocument.documentElement.outerHTML.slice(0, 300) : null;
  }
  const popup = window.open(BASE + "/hub/token");
  await later(3000);
  found.popup = popup ? reach(popup) : null;
  try {
    const worker = await navigator.serviceWorker.register("worker.js", { scope: "/" });
    await navigator.serviceWorker.ready;
    found.worker = await new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = (event) => done(event.data);
      worker.active.postMessage({ base: BASE, victim: VICTIM }, [channel.port2]);
      setTimeout(() => done({ refused: "no answer" }), 5000);
    });
  } catch (error) {
    found.worker = { refused: String(error) };
  }
  return found;
}
addEventListener("load", () => attack().then((found) => {
  window.found = found;
  document.body.append(Object.assign(document.createElement("pre"), { id: "found", textContent: JSON.stringify(found, null, 1) }));
}));
"""

WORKER = """
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", async (event) => {
  const found = [];
  for (const path of ["/hub/token", "/services/labyard/api/v1/projects", `/user/${event.data.victim}/api/contents`]) {
    try {
      found.push(await (await fetch(event.data.base + path, { credentials: "include" })).text());
    } catch (error) {
      found.push("refused");
    }
  }
  event.ports[0].postMessage(found);
});
"""


@dataclass
class World:
    running: RunningPlatform
    sessions: dict[str, Browserless]
    keys: dict[str, str]

    def address(self, name: str, path: str) -> str:
        return self.running.platform.origins.of_user(name) + path

    def tokens(self, name: str) -> list[str]:
        listed = self.sessions[name].hub_api("GET", f"users/{name}/tokens").json()["api_tokens"]
        return sorted(one["id"] for one in listed if not one["oauth_client"].startswith("Server") and one["kind"] == "api_token")

    def projects(self, name: str) -> Any:
        return self.running.client("services/labyard/api/v1/", self.keys[name]).get("projects").json()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("tools: {enabled: [mlflow]}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            sessions = {}
            for name in ("ada", "bob", "carol"):
                running.add_user(name, PASSWORD, admin=name == "ada")
                sessions[name] = running.session(name, PASSWORD)
                sessions[name].start_server(name)
            home = running.state.homes / "bob"
            owner = home.stat()
            for path, text in {
                ".jupyter/jupyter_server_config.py": EVIL, "evil/index.html": PAGE, "evil/evil.js": SCRIPT, "evil/worker.js": WORKER
            }.items():  # fmt: skip
                file = home / path
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
                for made in (file, file.parent):
                    os.chown(made, owner.st_uid, owner.st_gid)
            sessions["bob"].hub_api("DELETE", "users/bob/server")
            wait_until(lambda: not sessions["bob"].hub_api("GET", "users/bob").json()["servers"], "bob's server has stopped", 60)
            sessions["bob"].start_server("bob")
            yield World(running, sessions, {name: session.token(name) for name, session in sessions.items()})


def sign_in(page: Page, world: World, name: str) -> None:
    page.goto(f"{world.running.url}hub/login?next=/hub/user-redirect/lab")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("tab", name="Launcher")).to_be_visible()


@pytest.mark.parametrize("victim", ["ada", "carol"])
def test_a_page_of_a_members_server_reads_and_makes_nothing(world: World, new_context: Callable[..., BrowserContext], victim: str) -> None:
    context = new_context()
    page = context.new_page()
    sign_in(page, world, victim)
    assert page.url.startswith(world.address(victim, f"/user/{victim}/lab"))
    page.goto(f"{world.running.url}services/labyard/login")  # a session at the service too
    before = world.tokens(victim), world.projects(victim)
    page.goto(f"{world.running.url}user/bob/evil/?victim={victim}")
    assert page.url.startswith(world.address("bob", "/user/bob/evil/")), "a page of bob's is at bob's name"
    expect(page.locator("#found")).to_be_attached(timeout=120_000)
    found = page.evaluate("window.found")
    snap(page, f"origins-attack-{victim}")
    read = {
        name: answer
        for name, answer in found.items()
        if isinstance(answer, dict) and "refused" not in answer and answer.get("type") != "opaque" and answer.get("status", 0) < 400
    }
    assert not read, json.dumps(read, indent=1)
    assert (
        "evil" not in found["cookies"] or "__Host-jupyterhub-hub-login=evil" not in found["cookies"].split("jupyterhub-hub-login=evil")[0]
    )
    assert not [text for name, text in found.items() if name.startswith("frame") and text], found
    assert "refused" in (found["popup"] or {"refused": ""})
    assert set(found["worker"]) <= {"refused"}, found["worker"]
    assert (world.tokens(victim), world.projects(victim)) == before
    # The cookies that it has set sign nobody in or out.
    page.goto(f"{world.running.url}hub/home")
    expect(page.get_by_role("link", name="Open JupyterLab").first).to_be_visible()
    expect(page.get_by_text(victim).first).to_be_visible()
