"""Label Studio from its own environment, through a real Jupyter server."""

from __future__ import annotations

import http.server
import io
import json
import re
import sqlite3
import struct
import subprocess
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from labyard.builtin_tools import builtin_tool
from labyard_lab.running_tools.manager import PROGRAMS
from tests.labyard_lab.conftest import TOKEN, LabServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CONFIG = '<View><Text name="text" value="$text"/><Choices name="kind" toName="text"><Choice value="a"/><Choice value="b"/></Choices></View>'
AUTHORIZATION = {"Authorization": f"token {TOKEN}"}
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def template(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, made as the platform's set-up makes it."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    python = environments / "label-studio" / "bin" / "python"
    subprocess.run([python, PROGRAMS / "label_studio_template.py", path], check=True, timeout=300, capture_output=True)
    return path


@pytest.fixture
def server(make_server: Callable[..., LabServer], environments: Path, template: Path) -> LabServer:
    return make_server(
        [builtin_tool("label-studio", python=environments / "label-studio" / "bin" / "python")],
        environment={"LABYARD_LABEL_STUDIO_TEMPLATE": str(template)},
    )


@pytest.fixture
def browser(server: LabServer) -> Iterator[httpx.Client]:
    """Somebody with a browser: signed in to the server by cookie, and with a page of Label Studio open."""
    origin = f"http://127.0.0.1:{server.port}"
    with httpx.Client(base_url=f"{origin}/user/ada/labyard/tools/label-studio/", timeout=60, headers={"Origin": origin}) as client:
        client.get(f"{server.url}login?token={TOKEN}")
        yield client


def test_label_studio(server: LabServer, browser: httpx.Client) -> None:
    server.open("label-studio")
    page = browser.get("", headers=HTML, follow_redirects=True)
    assert page.status_code == 200
    assert "/user/login" not in str(page.url)

    # Nothing of the page, and nothing it loads, lies elsewhere.
    assert set(re.findall(r"https?://[^/\"' <]+", page.text)) == {f"http://127.0.0.1:{server.port}"}
    parts = re.findall(r'(?:src|href)="(http[^"]+)"', page.text)
    assert len(parts) > 3
    for part in parts:
        assert part.startswith(str(browser.base_url))
        assert browser.get(part).status_code == 200
    assert "collect_analytics: false" in page.text
    assert "sentry_dsn: null" in page.text

    (font, *_) = re.findall(r"url\((/[^)]*Figtree[^)]*)\)", browser.get("react-app/main.css").text)
    assert browser.get(f"http://127.0.0.1:{server.port}{font}").headers["Content-Type"].startswith("font/")
    assert browser.get("heidi-tips").status_code == 404

    me = browser.get("api/current-user/whoami").json()
    assert me["email"] == "ada@labyard.invalid"
    project = browser.post("api/projects", json={"title": "Proof", "label_config": CONFIG}).json()["id"]
    assert browser.post(f"api/projects/{project}/import", json=[{"text": "hello"}]).status_code == 201
    task = browser.get("api/tasks", params={"project": project}).json()["tasks"][0]["id"]
    result = [{"from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": ["a"]}}]
    assert browser.post(f"api/tasks/{task}/annotations/", json={"result": result}).status_code == 201

    assert connect_inwards(browser, project) == (403, 403)

    # Its forms are protected by its own check, which works under the prefix.
    token = browser.cookies["csrftoken"]
    refused = browser.post("user/signup", data={"email": "x@example.org", "password": "x" * 12})
    assert refused.status_code == 403
    assert browser.post("user/signup", data={"csrfmiddlewaretoken": token}, headers=HTML).status_code in (200, 302)

    # An upload, and what was uploaded, under the prefix.
    files = {"file": ("one.csv", "text\nfrom a file\n", "text/csv")}
    assert browser.post(f"api/projects/{project}/import", files=files).status_code == 201
    table = browser.get(f"api/projects/{project}/export", params={"exportType": "CSV"})
    assert table.status_code == 200
    assert '"a"' in table.text or ",a," in table.text

    # Redirects stay under the prefix, those too that forget it.
    for path in ("favicon.ico", "docs/api/", "logout"):
        location = browser.get(path, headers=HTML).headers["Location"]
        assert location.startswith("/user/ada/labyard/tools/label-studio/"), (path, location)

    # Signed in again after signing out, and by a program with the server's token alone.
    assert browser.get("api/current-user/whoami").status_code == 200
    url = f"{browser.base_url}api/projects/{project}"
    assert httpx.get(url, headers=AUTHORIZATION).json()["title"] == "Proof"
    assert httpx.get(url, headers={**AUTHORIZATION, "X-Api-Key": "wrong"}).status_code == 401

    # Its API key works beside the server's token.
    key = browser.get("api/current-user/token").json()["token"]
    assert httpx.get(url, headers={**AUTHORIZATION, "X-Api-Key": key}).status_code == 200

    # Pages follow the address that the browser uses.
    secure = browser.get("", headers={**HTML, "X-Forwarded-Proto": "https"})
    assert f'hostname: "https://127.0.0.1:{server.port}/user/ada/labyard/tools/label-studio"' in secure.text

    data = server.home / ".local" / "share" / "labyard" / "tools" / "label-studio"
    assert data.stat().st_mode & 0o777 == 0o700
    for name in ("label_studio.sqlite3", "labyard-account.json", ".env"):
        assert (data / name).stat().st_mode & 0o777 == 0o600, name
    assert len(json.loads((data / "labyard-account.json").read_text())["password"]) > 20
    tree = psutil.Process(server.process.pid).children(recursive=True)
    assert any("label_studio_app.py" in " ".join(process.cmdline()) for process in tree)
    assert [one for process in tree for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN] == []

    # The work outlives a restart of the tool, and one of the server.
    server.client.post("instances/label-studio/restart")
    server.wait_for("label-studio", "running")
    assert browser.get(f"api/projects/{project}").json()["title"] == "Proof"
    server.stop()
    server.start()
    server.open("label-studio")
    annotations = httpx.get(f"{browser.base_url}api/tasks/{task}/annotations/", headers=AUTHORIZATION).json()
    assert annotations[0]["result"][0]["value"] == {"choices": ["a"]}


PICTURES = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"><Label value="sign"/></RectangleLabels></View>'
)
BOX = {"x": 10, "y": 10, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": ["sign"]}


def picture(shade: int) -> bytes:
    """Return a grey PNG of 32 by 24 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 32, 24, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes([shade]) * 32) * 24)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def export(browser: httpx.Client, project: int, kind: str) -> dict[str, bytes]:
    answer = browser.get(f"api/projects/{project}/export", params={"exportType": kind, "download_all_tasks": "true"})
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


class Model(http.server.BaseHTTPRequestHandler):
    """An ML back end that says that it lives, and how it is set up."""

    def do_GET(self) -> None:
        body = b'{"status": "UP", "model_version": "1", "model_class": "Model"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()


def connect_inwards(browser: httpx.Client, project: int) -> tuple[int, int]:
    """Return the statuses of adding a model and a webhook at an address of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model) as model:
        threading.Thread(target=model.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{model.server_address[1]}"
        connected = browser.post("api/ml", json={"project": project, "url": address, "title": "model"})
        hook = browser.post("api/webhooks/", json={"project": project, "url": address})
        model.shutdown()
    return connected.status_code, hook.status_code


def test_exports_hold_the_pictures_and_keep_their_names(server: LabServer, browser: httpx.Client) -> None:
    # The how-to's way to models and webhooks inside the platform; an export can then reach its pages, too.
    server.environment.update(ML_BLOCK_LOCAL_IP="false", SSRF_PROTECTION_ENABLED="false")
    server.stop()
    server.start()
    server.open("label-studio")
    browser.get("", headers=HTML, follow_redirects=True)  # the page that tells Label Studio its address
    folder = server.home / "label-studio" / "signs" / "inner"
    folder.mkdir(parents=True)
    shades = {"red sign.png": 50, "green.png": 100, "blue.png": 150}
    for name, shade in shades.items():
        (folder / name).write_bytes(picture(shade))
    (server.home / "label-studio" / "private").mkdir()
    (server.home / "label-studio" / "private" / "secret.png").write_bytes(picture(0))
    project = browser.post("api/projects", json={"title": "Signs", "label_config": PICTURES}).json()["id"]
    storage = {"project": project, "path": str(folder), "use_blob_urls": True, "title": "signs"}
    made = browser.post("api/storages/localfiles", json=storage)
    assert made.status_code == 201, made.text
    assert browser.post(f"api/storages/localfiles/{made.json()['id']}/sync").status_code == 200
    upload = {"file": ("upload.png", picture(250), "image/png")}
    assert browser.post(f"api/projects/{project}/import", files=upload).status_code == 201
    # A task's address is what its author writes: neither a file outside of the storages nor a page becomes a picture.
    foreign = [{"image": f"/data/local-files/?d={path}private/secret.png"} for path in ("", "label-studio/")] + [
        {"image": f"http://127.0.0.1:{server.port}/user/ada/login"}
    ]
    assert browser.post(f"api/projects/{project}/import", json=foreign).status_code == 201
    tasks = browser.get("api/tasks", params={"project": project, "page_size": 100}).json()["tasks"]
    assert len(tasks) == 7
    for task in tasks:
        result = [
            {"from_name": "box", "to_name": "image", "type": "rectanglelabels", "original_width": 32, "original_height": 24, "value": BOX}
        ]
        assert browser.post(f"api/tasks/{task['id']}/annotations/", json={"result": result}).status_code == 201

    for kind in ("YOLO_WITH_IMAGES", "COCO_WITH_IMAGES", "VOC"):
        found = export(browser, project, kind)
        pictures = {name: content for name, content in found.items() if name.startswith("images/")}
        assert all(content.startswith(b"\x89PNG") for content in pictures.values()), kind
        assert set(pictures.values()) == {picture(shade) for shade in (*shades.values(), 250)}, kind
    labels = {Path(name).stem for name in export(browser, project, "YOLO") if name.startswith("labels/")}
    assert {"red sign", "green", "blue"} <= {name.partition("__")[2] or name for name in labels}
    assert connect_inwards(browser, project) == (201, 201)


def test_it_reads_its_own_folder_and_nothing_else_of_the_home(server: LabServer, browser: httpx.Client) -> None:
    """Members whom it is shared with make storages in it, and viewers read them."""
    server.open("label-studio")
    (server.home / ".ssh").mkdir()
    (server.home / ".ssh" / "key.png").write_text("secret-key")
    pictures = server.home / "label-studio" / "pictures"
    pictures.mkdir()
    (pictures / "one.png").write_text("a picture")
    project = browser.post("api/projects", json={"title": "Pictures"}).json()["id"]

    def store(folder: Path) -> httpx.Response:
        return browser.post("api/storages/localfiles", json={"project": project, "path": str(folder), "use_blob_urls": True})

    for folder in (server.home / ".ssh", server.home, pictures / ".." / ".." / ".ssh", pictures.parent):
        assert store(folder).status_code == 400, folder
    assert store(pictures).status_code == 201
    assert browser.get("data/local-files/", params={"d": "pictures/one.png"}).text == "a picture"
    for outside in ("../.ssh/key.png", ".ssh/key.png", "pictures/../../.ssh/key.png", str(server.home / ".ssh" / "key.png")):
        assert "secret-key" not in browser.get("data/local-files/", params={"d": outside}).text


def test_a_second_one_on_the_same_data_says_so(server: LabServer, environments: Path) -> None:
    server.open("label-studio")
    data = server.home / ".local" / "share" / "labyard" / "tools" / "label-studio"
    second = subprocess.run(
        [environments / "label-studio" / "bin" / "python", PROGRAMS / "label_studio_app.py",
         "--socket", server.temporary / "second.sock", "--base-url", "/x/", "--data-dir", data],
        env=server.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "already works on" in second.stderr


def test_template_holds_no_user_and_no_secret(template: Path) -> None:
    with sqlite3.connect(template) as connection:
        for table in ("htx_user", "authtoken_token", "organization", "django_session"):
            exists = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
            if table != "django_session":
                assert exists, table
            if exists:
                assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0
    connection.close()
    assert template.stat().st_mode & 0o777 == 0o644
