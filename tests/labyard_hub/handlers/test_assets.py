"""The page assets: what is gathered, how it is packed, and every way to ask for it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import brotli
import httpx
import pytest
from starlette.responses import PlainTextResponse

from labyard_hub.backends.assets import bundle, sources
from labyard_hub.backends.assets.bundle import ensure_assets, image_assets, read_page_assets
from labyard_hub.backends.assets.sources import extension_loads, platform_files
from labyard_hub.handlers.assets import Assets

CORE = "lab/jlab_core.0123456789abcdef.js"
CORE_TEXT = "console.log('core');\n" * 400


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with a small JupyterLab."""
    prefix = tmp_path / "prefix"
    share = prefix / "share" / "jupyter"
    _write(share / "lab" / "static" / "main.aaaaaaaaaaaaaaaa.js", "main")
    _write(share / "lab" / "static" / "jlab_core.0123456789abcdef.js", CORE_TEXT)
    _write(share / "lab" / "static" / "index.html", "{{ secret }}")
    _write(share / "lab" / "static" / "picture.svg", "<svg/>")
    _write(share / "lab" / "themes" / "@jupyterlab" / "theme-light-extension" / "index.css", "a{}")
    extension = share / "labextensions" / "@us" / "ours"
    load = {"name": "@us/ours", "jupyterlab": {"_build": {"load": "static/remoteEntry.bbbbbbbbbbbbbbbb.js"}}}
    _write(extension / "package.json", json.dumps(load))
    _write(extension / "static" / "remoteEntry.bbbbbbbbbbbbbbbb.js", "entry")
    _write(extension / "schemas" / "plugin.json", "{}")
    _write(tmp_path / "outside.js", "not ours")
    (extension / "static" / "away.js").symlink_to(tmp_path / "outside.js")
    monkeypatch.setattr(sources, "_notebook_static", lambda _prefix: None)
    monkeypatch.setattr(bundle, "platform_files", lambda _prefix: platform_files(prefix))
    monkeypatch.setattr(bundle, "extension_loads", lambda _prefix: extension_loads(prefix))
    return prefix


@pytest.fixture
def folder(prefix: Path, tmp_path: Path) -> Path:
    return tmp_path / "assets"


@pytest.fixture
def url(folder: Path) -> str:
    assets = read_page_assets(ensure_assets(folder))
    assert assets is not None
    return assets.url


@pytest.fixture
async def client(folder: Path, url: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Assets(PlainTextResponse("the application"), folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://host", headers={"Accept-Encoding": "identity"}) as client:
        yield client


def test_takes_what_browsers_load_and_nothing_else(prefix: Path) -> None:
    paths = [path for path, _ in platform_files(prefix)]
    assert paths == [
        CORE,
        "lab/main.aaaaaaaaaaaaaaaa.js",
        "lab/picture.svg",
        "labextensions/@us/ours/static/remoteEntry.bbbbbbbbbbbbbbbb.js",
        "themes/@jupyterlab/theme-light-extension/index.css",
    ]
    assert extension_loads(prefix) == {"@us/ours": "static/remoteEntry.bbbbbbbbbbbbbbbb.js"}


def test_a_version_is_named_by_its_content(folder: Path, url: str, prefix: Path) -> None:
    assert ensure_assets(folder).parent.name in url
    _write(prefix / "share" / "jupyter" / "lab" / "static" / "9.cccccccccccccccc.js", "new")
    page = ensure_assets(folder)
    assert page.parent.name not in url
    # The former version stays, for servers that were started with it.
    assert {one.parent.name for one in folder.glob("*/page.json")} == {page.parent.name, url.split("/")[-2]}


def test_only_a_few_versions_are_kept(folder: Path, prefix: Path) -> None:
    for number in range(5):
        _write(prefix / "share" / "jupyter" / "lab" / "static" / f"{number}.cccccccccccccccc.js", "new")
        newest = ensure_assets(folder)
    assert newest.exists()
    assert len(list(folder.glob("*/page.json"))) == bundle.KEPT


async def test_what_is_loaded_first_is_listed_as_it_is_asked_for(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(f"{url}start.json")
    assert answer.headers["content-type"] == "application/json"
    listed = answer.json()
    assert listed == [
        "lab/main.aaaaaaaaaaaaaaaa.js?v=aaaaaaaaaaaaaaaa",
        "lab/jlab_core.0123456789abcdef.js?v=0123456789abcdef",
        "themes/@jupyterlab/theme-light-extension/index.css",
    ]


async def test_browsers_keep_them_for_good(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(f"{url}{CORE}?v=0123456789abcdef")
    assert answer.text == CORE_TEXT
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert (await client.get(f"{url}lab/picture.svg")).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("BR", "br"),
        ("deflate", None),
        ("", None),
        ("gzip;q=0", None),
    ],
)
async def test_compressed_as_the_browser_takes_it(client: httpx.AsyncClient, url: str, accepted: str, coding: str | None) -> None:
    async with client.stream("GET", url + CORE, headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert unpack(raw).decode() == CORE_TEXT
    assert int(answer.headers["content-length"]) == len(raw)
    assert (len(raw) < len(CORE_TEXT) / 4) == (coding is not None)


async def test_each_coding_has_a_tag_of_its_own(client: httpx.AsyncClient, url: str) -> None:
    tags = {
        coding: (await client.get(url + CORE, headers={"Accept-Encoding": coding})).headers["etag"] for coding in ("br", "gzip", "identity")
    }
    assert len(set(tags.values())) == 3
    again = await client.get(url + CORE, headers={"Accept-Encoding": "br", "If-None-Match": f'"other", W/{tags["br"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags["br"])
    assert (await client.get(url + CORE, headers={"Accept-Encoding": "gzip", "If-None-Match": tags["br"]})).status_code == 200


async def test_head_says_what_get_would(client: httpx.AsyncClient, url: str) -> None:
    head, get = (await client.head(url + CORE)), (await client.get(url + CORE))
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(get.headers)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-6", (206, "console", "bytes 0-6/8400")),
        ("bytes=8398-", (206, ";\n", "bytes 8398-8399/8400")),
        ("bytes=8390-99999", (206, CORE_TEXT[8390:], "bytes 8390-8399/8400")),
        ("bytes=8400-", (416, "", "bytes */8400")),
        ("bytes=5-2", (416, "", "bytes */8400")),
        ("bytes=0-1,4-5", (200, CORE_TEXT, None)),
        ("lines=1-2", (200, CORE_TEXT, None)),
    ],
)
async def test_parts_are_of_the_file_itself(client: httpx.AsyncClient, url: str, asked: str, expected: tuple[int, str, str | None]) -> None:
    answer = await client.get(url + CORE, headers={"Range": asked, "Accept-Encoding": "identity"})
    assert (answer.status_code, answer.text, answer.headers.get("content-range")) == expected
    if expected[0] == 206:
        packed = await client.get(url + CORE, headers={"Range": asked, "Accept-Encoding": "br"})
        assert "content-encoding" not in packed.headers
        assert packed.text == expected[1]


@pytest.mark.parametrize(
    "path",
    [
        "lab/index.html",
        "lab/nothing.js",
        "lab/",
        "",
        "files.json",
        "page.json",
        f"{CORE}.br",
        "labextensions/@us/ours/static/away.js",
        "labextensions/@us/ours/package.json",
        "lab/../../page.json",
        "lab/%2e%2e/%2e%2e/page.json",
        "..%2fpage.json",
        "lab/..%5c..%5cpage.json",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "lab/main.aaaaaaaaaaaaaaaa.js%00.css",
    ],
)
async def test_nothing_else_is_there(client: httpx.AsyncClient, url: str, path: str) -> None:
    answer = await client.get(url + path)
    assert answer.status_code == 404 or answer.text == "the application"
    assert "immutable" not in answer.headers.get("cache-control", "")


async def test_no_other_version_is_there(client: httpx.AsyncClient, url: str, folder: Path) -> None:
    for name in ("0" * 16, "..", ".lock", "%2e%2e"):
        answer = await client.get(f"/services/labyard/assets/{name}/{CORE}")
        assert answer.status_code == 404 or answer.text == "the application"


async def test_only_reading(client: httpx.AsyncClient, url: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await client.request(method, url + CORE)).status_code == 405


async def test_the_rest_is_the_applications(client: httpx.AsyncClient) -> None:
    assert (await client.get("/services/labyard/api/v1/health")).text == "the application"


def test_one_that_cannot_be_read_means_that_servers_serve_their_own(tmp_path: Path) -> None:
    assert read_page_assets(tmp_path / "missing.json") is None
    (tmp_path / "half.json").write_text('{"url": "/services')
    assert read_page_assets(tmp_path / "half.json") is None
    (tmp_path / "other.json").write_text('{"url": "/", "start": [], "more": 1}')
    assert read_page_assets(tmp_path / "other.json") is None


OLD = "/services/labyard/assets/0123456789abcdef/"


@pytest.mark.parametrize(
    ("page", "path", "own"),
    [
        ("/user/ada/lab", "lab/main.a.js", "/user/ada/static/lab/main.a.js"),
        ("/user/ada/lab/tree/lab/a.ipynb?x=1", "labextensions/@us/ours/static/1.b.js", "/user/ada/lab/extensions/@us/ours/static/1.b.js"),
        ("/user/ada/gpu/lab", "themes/@jupyterlab/theme-light-extension/index.css", "/user/ada/gpu/lab/api/themes/@jupyterlab/theme-light-extension/index.css"),
        ("/user/ada%40b/notebooks/x.ipynb", "notebook/main.a.js", "/user/ada%40b/static/notebook/main.a.js"),
        ("/user/ada/lab", "lab/a b.js", "/user/ada/static/lab/a%20b.js"),
        ("/hub/home", "lab/main.a.js", None),
        ("/user/ada/files/x.html", "lab/main.a.js", None),
        ("/user/ada/lab", "start.json", None),
        ("/user/ada/lab", "lab/%2e%2e/api/contents", None),
        ("", "lab/main.a.js", None),
    ],
)  # fmt: skip
async def test_what_is_of_a_version_that_is_not_here_comes_from_the_page_s_own_server(
    client: httpx.AsyncClient, page: str, path: str, own: str | None
) -> None:
    headers = {"Referer": f"https://host{page}"} if page else {}
    answer = await client.get(OLD + path, headers=headers)
    assert (answer.status_code, answer.headers.get("location")) == ((307, own) if own else (404, None))
    assert answer.headers["cache-control"] == "no-store"


async def test_what_a_version_that_is_here_does_not_have_is_nowhere(client: httpx.AsyncClient, url: str) -> None:
    assert (await client.get(f"{url}lab/other.js", headers={"Referer": "https://host/user/ada/lab"})).status_code == 404


def test_those_of_another_environment_are_made_for_an_image(tmp_path: Path) -> None:
    prefix = tmp_path / "lab"
    _write(prefix / "share" / "jupyter" / "lab" / "static" / "main.aaaaaaaaaaaaaaaa.js", "main")
    _write(prefix / "lib" / "python3.11" / "site-packages" / "notebook" / "static" / "main.bbbbbbbbbbbbbbbb.js", "main")
    assert image_assets(tmp_path / "made") is None
    done = subprocess.run([sys.executable, "-m", "labyard_hub.backends.assets", prefix, tmp_path / "made"], check=False)
    assert done.returncode == 0
    found = image_assets(tmp_path / "made")
    assert found is not None
    assert found.mains == {"lab": "main.aaaaaaaaaaaaaaaa.js", "notebook": "main.bbbbbbbbbbbbbbbb.js"}
