"""Label Studio's scripts, styles and pictures: compressed once, kept in memory, and told to the browser as what does not change.

Label Studio itself sends three megabytes of scripts uncompressed for each visit, and each goes through its sessions and its database.
"""

import gzip
import hashlib
import re
import threading

FOLDERS = ("/static/", "/react-app/")
MAX_FILE_BYTES, MAX_KEPT_BYTES = 8 * 2**20, 32 * 2**20
# Django's hash in the name of a file, or a commit in the query: whatever is under such a URL stays what it is.
UNCHANGING_NAME = re.compile(r"\.[0-9a-f]{8,}\.\w+$")
UNCHANGING_QUERY = re.compile(r"(?:^|&)v=[0-9a-f]{6,}(?:&|$)")
COMPRESSED = (
    "text/",
    "application/javascript",
    "application/json",
    "image/svg",
    "font/ttf",
    "application/font-sfnt",
    "application/x-font-ttf",
)


class Static:
    """WSGI application that answers for `application` where a file is asked for that it has sent before.

    Parameters
    ----------
    change
        Called with path and content of a file before it is kept; returns what to send instead.
    """

    def __init__(self, application, change=lambda _path, body: body):
        self.application, self.change = application, change
        self.kept, self.kept_bytes, self.lock = {}, 0, threading.Lock()

    def __call__(self, environ, start_response):
        """Answer one request."""
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not path.startswith(FOLDERS) or "HTTP_RANGE" in environ:
            return self.application(environ, start_response)
        # What a file is does not depend on the query; a query that is unknown must not fill the memory.
        kept = self.kept.get(path)
        if kept is None:
            status, headers, body = self.fetch(environ)
            if not status.startswith("200"):
                start_response(status, headers)
                return [body]
            kept = self.keep(path, headers, self.change(path, body))
        return self.answer(kept, environ, start_response, unchanging=bool(UNCHANGING_NAME.search(path) or UNCHANGING_QUERY.search(query)))

    def fetch(self, environ):
        """Return status, headers and whole body of the application's own answer."""
        begun = []
        plain = {
            name: value
            for name, value in environ.items()
            if name not in ("HTTP_ACCEPT_ENCODING", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH")
        }
        answer = self.application({**plain, "REQUEST_METHOD": "GET"}, lambda *arguments: begun.append(arguments))
        try:
            body = b"".join(answer)
        finally:
            getattr(answer, "close", lambda: None)()
        return begun[0][0], begun[0][1], body

    def keep(self, path, headers, body):
        """Return what is kept of a file: its type, its tag, its content and whether that is compressed."""
        kind = next((value for name, value in headers if name.lower() == "content-type"), "application/octet-stream")
        tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        packed = gzip.compress(body, compresslevel=6, mtime=0) if kind.startswith(COMPRESSED) and len(body) > 512 else None
        kept = (kind, tag, packed or body, packed is not None)
        with self.lock:
            size = len(kept[2])
            if path not in self.kept and size <= MAX_FILE_BYTES and self.kept_bytes + size <= MAX_KEPT_BYTES:
                self.kept[path] = kept
                self.kept_bytes += size
        return kept

    @staticmethod
    def answer(kept, environ, start_response, *, unchanging):
        """Send a kept file, or say that the browser has it already."""
        kind, tag, body, packed = kept
        headers = [
            ("Cache-Control", "private, max-age=31536000, immutable" if unchanging else "private, no-cache"),
            ("ETag", tag),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        known = {one.strip().removeprefix("W/") for one in environ.get("HTTP_IF_NONE_MATCH", "").split(",")}
        if tag in known:
            start_response("304 Not Modified", headers)
            return []
        if packed and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            headers.append(("Content-Encoding", "gzip"))
        elif packed:
            body = gzip.decompress(body)
        start_response("200 OK", [*headers, ("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [body]
