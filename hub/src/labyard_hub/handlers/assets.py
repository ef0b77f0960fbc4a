"""Serves the page assets: the same files to everybody, signed in or not, each kept by browsers for good.

It stands before the application and looks a request up in a list, so a path that leads elsewhere finds nothing; and it costs a small part of what a route costs.

A version that is not here, because the platform was upgraded while a server ran, is that server's own still: its pages are sent there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from labyard_hub.backends.assets.bundle import ASSETS_PATH, START
from labyard_hub.backends.assets.sources import CONTENT_TYPES
from labyard_hub.config.origins import LABEL_PATTERN

__all__ = ["Assets"]

FOREVER = "public, max-age=31536000, immutable"
_ADDRESS = re.compile(rf"{re.escape(ASSETS_PATH)}([0-9a-f]{{16}})/(.+)")
_PAGE = re.compile(r"https?://[^/?#]+(/user/[^/?#]+/(?:[^/?#]+/)??)(?:lab|tree|notebooks|edit|consoles|terminals)(?:[/?#].*)?")
"""Where a page of JupyterLab or Notebook is, as a request for what it loads says; a server with a name has one more part."""
_ORIGIN = re.compile(rf"(https?://({LABEL_PATTERN})\.[^/?#]+)/")
"""All that browsers say of a page of another origin. It is one of the user's servers."""
_PLACES = (
    ("labextensions/", "lab/extensions/"),
    ("themes/", "lab/api/themes/"),
    ("lab/", "static/lab/"),
    ("notebook/", "static/notebook/"),
)
"""What a server has its own files under."""
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_HEADERS = {
    "Cache-Control": FOREVER,
    "X-Content-Type-Options": "nosniff",
    # Servers' pages load them, fonts by CORS, and may have other origins of the same site. They are the same for everybody, and no cookie goes with ``*``.
    "Cross-Origin-Resource-Policy": "same-site",
    "Access-Control-Allow-Origin": "*",
    # An image opened as a page runs nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


@dataclass(frozen=True)
class _Version:
    files: Path
    digests: dict[str, str]


class Assets:
    """Answers what lies below the assets' address, and passes on the rest.

    Parameters
    ----------
    app
        The application behind.
    folder
        Holds a folder per version. One that appears while this runs is found.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app, self._folder = app, folder
        self._versions: dict[str, _Version] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith(ASSETS_PATH):
            await self._answer(scope["path"], scope["method"], Headers(scope=scope))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _answer(self, address: str, method: str, headers: Headers) -> Response:
        if method not in ("GET", "HEAD"):
            return _refusal(405, "only GET and HEAD", {"Allow": "GET, HEAD"})
        match = _ADDRESS.fullmatch(address)
        version = self._version(match[1]) if match else None
        if match is not None and version is None and (own := _server_s_own(match[2], headers.get("referer", ""))):
            return Response(status_code=307, headers={"Location": own, "Cache-Control": "no-store", "Vary": "Referer"})
        digest = version.digests.get(match[2]) if match and version else None
        if match is None or version is None or digest is None:
            return _refusal(404, "there is no such file")
        return _file(version.files / match[2], digest, method, headers)

    def _version(self, name: str) -> _Version | None:
        if name not in self._versions:
            try:
                digests = json.loads((self._folder / name / "files.json").read_text())
            except (OSError, ValueError):
                return None
            self._versions[name] = _Version(self._folder / name / "files", {**digests, START: name})
        return self._versions[name]


def _server_s_own(path: str, page: str) -> str | None:
    """Return the address of the file at the server that `page` is of; None where it is of none."""
    found = _PAGE.fullmatch(page)
    place = next(((ours, theirs) for ours, theirs in _PLACES if path.startswith(ours)), None)
    origin = _ORIGIN.fullmatch(page)
    base = found[1] if found else f"{origin[1]}/user/{origin[2]}/" if origin else None
    if base is None or place is None or ".." in path:
        return None
    return base + place[1] + quote(path.removeprefix(place[0]), safe="/@")


def _file(path: Path, digest: str, method: str, headers: Headers) -> Response:
    """Answer with a file, whole or a part, compressed where the browser takes that. The files are small and in the system's memory: to read one takes less than a thread."""
    asked = None if "if-range" in headers else _RANGE.fullmatch(headers.get("range", ""))
    coding, source = ("", path) if asked else _choose(path, headers.get("accept-encoding", ""))
    tag = f'"{digest[:20]}{"-" + coding if coding else ""}"'
    answer = {**_HEADERS, "ETag": tag, "Vary": "Accept-Encoding", "Accept-Ranges": "bytes"}
    if coding:
        answer["Content-Encoding"] = coding
    if tag in (one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=answer)
    try:
        data = source.read_bytes()
    except OSError:  # an old version that was just removed
        return _refusal(404, "there is no such file")
    status = 200
    if asked:
        first, last, size = int(asked[1]), int(asked[2] or len(data) - 1), len(data)
        if first >= size or last < first:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}", "Cache-Control": "no-store"})
        data, status = data[first : last + 1], 206
        answer["Content-Range"] = f"bytes {first}-{min(last, size - 1)}/{size}"
    answer |= {"Content-Type": CONTENT_TYPES[PurePosixPath(path).suffix], "Content-Length": str(len(data))}
    return Response(None if method == "HEAD" else data, status, answer)


def _choose(path: Path, accepted: str) -> tuple[str, Path]:
    """Return the content coding and the file for a browser that sent `accepted`; an empty coding for the file as it is."""
    takes = set()
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight):
            takes.add(coding.strip())
    for coding, suffix in _ENCODINGS:
        compressed = path.with_name(path.name + suffix)
        if coding in takes and compressed.exists():
            return coding, compressed
    return "", path


def _refusal(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(
        f"{text}\n", status, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}, "text/plain"
    )
