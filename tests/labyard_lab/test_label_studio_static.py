"""How the files of Label Studio's page are sent, in front of an application that counts."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from labyard_lab.running_tools.manager import PROGRAMS

SCRIPT = b"console.log('labels');" * 100


class Application:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, environ: dict[str, str], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if path.endswith("missing.js"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no"]
        kind = "font/woff2" if path.endswith("woff2") else "text/javascript"
        start_response("200 OK", [("Content-Type", kind), ("Set-Cookie", "sessionid=1"), ("Last-Modified", "x")])
        return [SCRIPT[:10], SCRIPT[10:]]


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def static(application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(PROGRAMS)
    import label_studio_static

    yield label_studio_static.Static(application)
    del sys.modules["label_studio_static"]


def ask(static: Any, target: str, method: str = "GET", **headers: str) -> tuple[str, dict[str, str], bytes]:
    path, _, query = target.partition("?")
    begun: list[Any] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **headers}
    body = b"".join(static(environ, lambda status, found, *_: begun.append((status, dict(found)))))
    return begun[0][0], begun[0][1], body


def test_a_file_is_fetched_once_and_sent_compressed(static: Any, application: Application) -> None:
    for _ in range(3):
        status, headers, body = ask(static, "/react-app/main.js?v=df6b01", HTTP_ACCEPT_ENCODING="gzip, br")
        assert status == "200 OK"
        assert headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == SCRIPT
        assert int(headers["Content-Length"]) == len(body)
        # A kept answer goes to everybody, so nothing of the first one's session may be in it.
        assert "Set-Cookie" not in headers
    assert ask(static, "/react-app/main.js?v=df6b01")[2] == SCRIPT
    assert ask(static, "/react-app/main.js?v=df6b01", "HEAD")[2] == b""
    assert application.asked == ["/react-app/main.js"]
    assert "Content-Encoding" not in ask(static, "/static/fonts/a.woff2", HTTP_ACCEPT_ENCODING="gzip")[1]


@pytest.mark.parametrize(
    ("target", "keeps"),
    [
        ("/react-app/main.js?v=df6b01", True),
        ("/static/js/jquery.min.e6c2415c0ace.js", True),
        ("/react-app/vendor.js?v=1", False),
        ("/react-app/main.js", False),
        ("/static/images/face.js", False),
    ],
)
def test_only_what_cannot_change_is_kept_by_the_browser(static: Any, target: str, keeps: bool) -> None:
    _, headers, _ = ask(static, target)
    assert headers["Cache-Control"] == ("private, max-age=31536000, immutable" if keeps else "private, no-cache")
    status, _, body = ask(static, target, HTTP_IF_NONE_MATCH=headers["ETag"])
    assert (status, body) == ("304 Not Modified", b"")


def test_what_is_no_file_is_the_applications(static: Any, application: Application) -> None:
    assert ask(static, "/static/missing.js")[0] == "404 Not Found"
    assert "Set-Cookie" in ask(static, "/api/projects")[1]
    assert "Set-Cookie" in ask(static, "/static/a.js", "POST")[1]
    ask(static, "/static/missing.js")
    assert application.asked == ["/static/missing.js", "/api/projects", "/static/a.js", "/static/missing.js"]


def test_its_memory_has_a_limit(static: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["label_studio_static"], "MAX_KEPT_BYTES", 3 * len(SCRIPT))
    for number in range(20):
        assert ask(static, f"/static/{number}.woff2")[2] == SCRIPT
    assert len(static.kept) == 3
