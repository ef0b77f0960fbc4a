"""`labyard login` on a real `labyard up`, with a browser that has no window; and what the command line does once it is signed in."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.platform import LABYARD, Browserless, Http, RunningPlatform, open_temporary_folder, start_platform

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder, start_platform(folder / "state") as running:
        running.add_user("ada", PASSWORD, admin=True)
        running.add_user("bob", PASSWORD)
        yield running


@pytest.fixture
def ada(running: RunningPlatform) -> Browserless:
    return running.session("ada", PASSWORD)


class Laptop:
    """Somebody's own machine: a home, and the command line."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("LABYARD_", "XDG_", "DISPLAY", "WAYLAND", "SSH_"))
        }
        # A browser that opens nothing: the test takes the address from what is printed.
        self.environment = {**kept, "HOME": str(home), "BROWSER": "true"}

    @property
    def logins(self) -> Path:
        return self.home / ".config" / "labyard" / "logins.json"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [LABYARD, *arguments], env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, stdin: str = "", status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [LABYARD, *arguments],
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, **environment: str) -> Any:
        return json.loads(self.run(*arguments, "--json", **environment).stdout)

    def signed_in(self) -> bool:
        return subprocess.run([LABYARD, "whoami"], env=self.environment, capture_output=True, timeout=120, check=False).returncode == 0

    def token(self) -> str:
        return str(json.loads(self.logins.read_text())["logins"][0]["token"])

    @contextmanager
    def login(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Run `labyard login` until the end of the block; yield the process and the address that it prints."""
        process = self.start("login", *arguments)
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if line.strip().startswith("http"):
                    yield process, line.strip()
                    break
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def answer(session: Browserless, page: httpx.Response, *, allow: bool = True) -> httpx.Response:
    """Answer the hub's question, as the buttons of its page do."""
    assert "act for you" in page.text, page.text
    form = re.findall(r'name="(_xsrf|scopes)" value="([^"]+)"', page.text)
    if allow:
        fields: dict[str, Any] = {"_xsrf": dict(form)["_xsrf"], "scopes": [value for name, value in form if name == "scopes"]}
        return session.http.post(str(page.url), data=fields, headers={"Referer": str(page.url)})
    link = re.search(r'href="([^"]+)">Do not allow', page.text)
    assert link is not None
    return session.http.get(link[1].replace("&amp;", "&"))


def onward(page: httpx.Response) -> str:
    """Return where a page sends the browser by itself."""
    assert page.status_code == 200, page.text
    return page.headers["refresh"].removeprefix("0; url=")


def test_login_from_the_browser_to_the_token(running: RunningPlatform, ada: Browserless, laptop: Laptop) -> None:
    with laptop.login(running.url, "--name", "adas-laptop") as (process, url):
        question = ada.http.get(url)
        assert "adas-laptop" in question.text
        assert question.headers["content-security-policy"].startswith("default-src 'none'")
        back = onward(answer(ada, question))
        assert urlsplit(back).hostname == "127.0.0.1"
        assert set(parse_qs(urlsplit(back).query)) == {"state", "code"}
        done = ada.http.get(back)
        assert str(done.url) == f"{running.url}services/labyard/cli/done"
        assert "You can close this tab" in done.text
        assert process.wait(20) == 0
    assert stat.S_IMODE(laptop.logins.stat().st_mode) == 0o600
    assert stat.S_IMODE(laptop.logins.parent.stat().st_mode) == 0o700
    me = laptop.json("whoami")
    assert (me["url"], me["user"], me["admin"], me["source"]) == (running.url, "ada", True, "login")
    assert me["expires_at"] > "2026"
    # The token does what it was made for, and nothing else.
    token = laptop.token()
    scopes = running.client("hub/api/", token).get("user").json()["scopes"]
    assert {scope.partition("!")[0] for scope in scopes} <= {"access:services", "read:users:name", "read:users:groups"}, scopes
    assert running.client("hub/api/", token).get("users").status_code == 403
    for name in ("hub", "service", "proxy"):
        assert token not in running.log(name)
    # Signing out of the browser does not end it; its own logout does, at the platform too.
    ada.http.get("hub/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert laptop.json("project", "list") == []
    laptop.run("logout")
    assert "token" not in laptop.logins.read_text().replace("tokens", "")
    refused = httpx.get(f"{running.url}services/labyard/api/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert refused.status_code == 401
    assert "labyard login" in laptop.run("whoami", status=4).stderr


def test_the_question_is_put_each_time(running: RunningPlatform, ada: Browserless, laptop: Laptop) -> None:
    for _ in range(2):
        with laptop.login(running.url) as (process, url):
            ada.http.get(onward(answer(ada, ada.http.get(url))))
            assert process.wait(20) == 0
    assert laptop.run("whoami", "--all").stdout.count(running.url) == 1


def test_somebody_who_is_not_signed_in_signs_in_first(running: RunningPlatform, laptop: Laptop) -> None:
    with laptop.login(running.url) as (process, url), Http(running.url, follow_redirects=True) as http:
        form = http.get(url)
        assert form.url.path == "/hub/login"
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form.text)
        assert xsrf is not None
        session = Browserless(running.url)
        session.http.close()
        session.http = http
        question = http.post(str(form.url), data={"username": "bob", "password": PASSWORD, "_xsrf": xsrf[1]})
        http.get(onward(answer(session, question)))
        assert process.wait(20) == 0
    assert laptop.json("whoami")["user"] == "bob"


def test_a_refused_login_stores_nothing(running: RunningPlatform, ada: Browserless, laptop: Laptop) -> None:
    with laptop.login(running.url) as (process, url):
        page = ada.http.get(onward(answer(ada, ada.http.get(url), allow=False)))
        assert "Nothing was allowed" in page.text
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert "was not allowed" in process.stderr.read()
    assert not laptop.logins.exists()


def test_a_stranger_to_the_loopback_gets_nothing(running: RunningPlatform, ada: Browserless, laptop: Laptop) -> None:
    with laptop.login(running.url) as (process, url):
        back = urlsplit(onward(answer(ada, ada.http.get(url))))
        base = f"http://127.0.0.1:{back.port}"
        with httpx.Client(trust_env=False) as http:
            assert http.get(base).status_code == 404
            assert http.get(f"{base}/callback?code=X&state=wrong").status_code == 400
            assert http.post(f"{base}/callback").status_code == 501
            assert process.poll() is None
            assert http.get(back.geturl()).status_code == 303
        assert process.wait(20) == 0


def test_a_code_typed_by_hand(running: RunningPlatform, ada: Browserless, laptop: Laptop) -> None:
    with laptop.login(running.url, "--no-browser") as (process, url):
        assert "port=" not in url
        page = answer(ada, ada.http.get(url))
        assert "Never give this code to anybody" in page.text
        assert "script-src 'self';" in page.headers["content-security-policy"]
        assert all(' src="/hub/assets/' in tag for tag in re.findall(r"<script\b[^>]*>", page.text)), "the platform's own scripts alone"
        code = re.search(r"<code>([A-Z0-9-]{24})</code>", page.text)
        assert code is not None
        assert process.stdin is not None
        process.stdin.write(code[1].lower() + "\n")
        process.stdin.flush()
        assert process.wait(20) == 0
    assert laptop.json("whoami")["user"] == "ada"


@pytest.mark.parametrize("what", ["wrong verifier", "used"])
def test_a_code_works_once_and_for_whoever_began(running: RunningPlatform, ada: Browserless, laptop: Laptop, what: str) -> None:
    with laptop.login(running.url) as (process, url):
        back = onward(answer(ada, ada.http.get(url)))
        code = parse_qs(urlsplit(back).query)["code"][0]
        if what == "used":
            ada.http.get(back)
            assert process.wait(20) == 0
        body = {"code": code, "verifier": "v" * 64}
        taken = httpx.post(f"{running.url}services/labyard/api/v1/cli/token", json=body, trust_env=False)
        assert (taken.status_code, taken.json()["error"]["code"]) == (400, "invalid_login_code")
        assert code not in taken.text
        if what == "wrong verifier":  # somebody had the code: it is over for everybody
            assert "Not signed in" in ada.http.get(back).text
            assert process.wait(20) == 1
    assert laptop.logins.exists() == (what == "used")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "challenge=x&state=y&name=z",
        f"challenge={'c' * 43}&state={'s' * 32}&name=%3Cb%3E",
        f"challenge={'c' * 43}&state={'s' * 32}&name=n&port=80",
    ],
)
def test_an_address_that_no_command_line_made(running: RunningPlatform, ada: Browserless, query: str) -> None:
    page = ada.http.get(f"services/labyard/cli/login?{query}")
    assert page.status_code == 400
    assert "labyard login" in page.text


def test_a_way_back_that_did_not_begin_here(running: RunningPlatform, ada: Browserless) -> None:
    page = ada.http.get("services/labyard/cli/callback?code=x&state=stranger")
    assert page.status_code == 400
    assert "did not begin in this browser" in page.text


def test_a_token_for_machines_and_the_environment(running: RunningPlatform, ada: Browserless, laptop: Laptop) -> None:
    token = ada.token("ada", note="machine", scopes=["access:services!service=labyard"], expires_in=3600)
    laptop.run("login", running.url, "--token-stdin", stdin=f"{token}\n")
    assert laptop.json("whoami")["expires_at"] is None
    assert "the token is not valid" in laptop.run("login", running.url, "--token-stdin", stdin="nonsense\n", status=4).stderr
    assert laptop.json("whoami")["user"] == "ada"  # the stored one stays
    assert "may still work" in laptop.run("logout").stderr
    assert laptop.json("whoami", LABYARD_URL=running.url, LABYARD_TOKEN=token)["source"] == "LABYARD_TOKEN"
    assert not laptop.logins.exists() or token not in laptop.logins.read_text()


def test_two_platforms(running: RunningPlatform, ada: Browserless, laptop: Laptop) -> None:
    one, two = running.url, running.url.replace("labyard.localhost", "127.0.0.1")
    for url, name in ((one, "ada"), (two, "bob")):
        session = ada if name == "ada" else running.session("bob", PASSWORD)
        token = session.token(name, note="machine", scopes=["access:services!service=labyard"], expires_in=3600)
        laptop.run("login", url, "--token-stdin", stdin=f"{token}\n")
    assert laptop.json("whoami")["user"] == "bob"
    laptop.run("use", one)
    assert laptop.json("whoami")["user"] == "ada"
    assert laptop.json("whoami", LABYARD_URL=two)["user"] == "bob"
    assert {login["url"]: login["current"] for login in laptop.json("whoami", "--all")} == {one: True, two: False}
    laptop.run("logout", "--all")
    assert laptop.json("whoami", "--all") == []


def test_projects_from_the_command_line(
    running: RunningPlatform, ada: Browserless, laptop: Laptop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Laptop(tmp_path_factory.mktemp("bob"))
    for machine, session in ((laptop, ada), (other, running.session("bob", PASSWORD))):
        with machine.login(running.url) as (process, url):
            session.http.get(onward(answer(session, session.http.get(url))))
            assert process.wait(20) == 0
    made = laptop.json("project", "create", "vision", "--title", "Computer vision")
    assert made["role"] == "owner"
    assert "There is no user named 'carol'" in laptop.run("project", "member", "add", "vision", "carol", status=5).stderr
    link = laptop.run("project", "link", "create", "vision", "--role", "editor").stdout.strip()
    assert other.json("project", "join", link)["role"] == "editor"
    assert [one["user"] for one in laptop.json("project", "member", "list", "vision")] == ["ada", "bob"]
    assert (running.state.project_views / "bob" / "vision").exists()
    address = other.run("project", "server", "start", "vision", "--wait", "90").stdout.strip()
    assert address.startswith(f"{running.url}user/{made['id']}")
    assert laptop.json("project", "server", "status", "vision")["state"] == "running"
    laptop.run("project", "server", "stop", "vision")
    laptop.run("project", "member", "remove", "vision", "bob")
    assert "in no project named 'vision'" in other.run("project", "show", "vision", status=5).stderr
    assert not (running.state.project_views / "bob" / "vision").exists()
    assert "bob" in laptop.run("project", "events", "vision").stdout
    laptop.run("project", "delete", "vision", "--yes", "vision")
    assert laptop.json("project", "list") == []
