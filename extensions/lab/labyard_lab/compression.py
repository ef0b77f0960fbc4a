"""Compression of JupyterLab's settings, translations and language servers: a page asks for them at each load, 160 kB of text."""

from __future__ import annotations

from typing import Any, ClassVar

from tornado import httputil, web

__all__ = ["CompressedAnswers"]

COMPRESSED = ("lab/api/settings", "lab/api/translations", "lsp/status")
"""Paths below a server's own whose answers are compressed. None is a stream or a tool's, and none holds a secret."""


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
