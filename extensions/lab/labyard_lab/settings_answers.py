"""JupyterLab's settings, answered quickly: they are most of what a page asks of a server, and the same from one page to the next.

JupyterLab Server reads and checks a hundred schemas for each answer, 40 ms in which no other request is served, and sends 160 kB of text.
"""

from __future__ import annotations

import os
from glob import iglob
from typing import Any, ClassVar

from tornado import httputil, web

__all__ = ["CompressedAnswers", "RememberedSettings"]

Fingerprint = tuple[tuple[str, int, int], ...]
COMPRESSED = ("lab/api/settings", "lab/api/translations", "lsp/status")
"""Paths below a server's own whose answers are compressed. None is a stream or a tool's, and none holds a secret."""


class RememberedSettings:
    """Put in front of JupyterLab Server's handler of settings: answers again what it answered before, as long as no file that it reads has changed."""

    _answers: ClassVar[dict[tuple[str, bool], tuple[Fingerprint, str]]] = {}

    @web.authenticated
    def get(self, schema_name: str = "") -> Any:
        """Answer with the settings of one extension, or of all."""
        handler: Any = self
        key = (schema_name, handler.get_argument("ids_only", "") == "true")
        now = self._fingerprint()
        remembered = self._answers.get(key)
        if remembered is not None and remembered[0] == now:
            return handler.finish(remembered[1])
        self._asked = (key, now)
        upstream: Any = super()
        return upstream.get(schema_name)

    def finish(self, chunk: Any = None, **kwargs: Any) -> Any:
        """Send, and keep what was asked for."""
        upstream: Any = super()
        handler: Any = self
        asked = self.__dict__.pop("_asked", None)
        if asked is not None and isinstance(chunk, str) and handler.get_status() == 200:
            self._answers[asked[0]] = (asked[1], chunk)
        return upstream.finish(chunk, **kwargs)

    def _fingerprint(self) -> Fingerprint:
        """Return what changes with any file that the answer depends on."""
        handler: Any = self
        found = []
        for pattern in (
            f"{handler.settings_dir}/**/*.jupyterlab-settings",
            f"{handler.app_settings_dir}/*.json*",
            f"{handler.schemas_dir}/**/*.json",
            *(f"{folder}/{depth}/schemas/**/*.json" for folder in handler.labextensions_path for depth in ("[!@]*", "@*/*")),
        ):
            for name in iglob(pattern, recursive=True):  # noqa: PTH207  # and paths made of them would double its time
                try:
                    status = os.stat(name)  # noqa: PTH116  # a hundred of them for each answer
                except OSError:
                    continue
                found.append((name, status.st_mtime_ns, status.st_size))
        return tuple(sorted(found))


class CompressedAnswers(web.GZipContentEncoding):
    """Compresses the answers of a few paths; for the rest of tornado's application it does nothing."""

    GZIP_LEVEL = 4
    prefix: ClassVar[str] = "/"

    def __init__(self, request: httputil.HTTPServerRequest) -> None:
        path = request.path.removeprefix(self.prefix)
        self._is_ours = any(path == one or path.startswith(f"{one}/") for one in COMPRESSED)
        if self._is_ours:
            super().__init__(request)
            self._is_ours = self._gzipping
        else:
            self._gzipping = False

    def transform_first_chunk(self, status_code: int, headers: httputil.HTTPHeaders, chunk: bytes, finishing: bool) -> Any:
        """Compress the first part of an answer, which decides about the rest."""
        if not self._is_ours:  # not even a header: what tools send stays as it is
            return status_code, headers, chunk
        return super().transform_first_chunk(status_code, headers, chunk, finishing)

    @classmethod
    def install(cls, application: Any, base_url: str) -> None:
        """Have `application` send through it; `base_url` ends with a slash."""
        application.transforms.append(type("Compressed", (cls,), {"prefix": base_url}))
