"""Our stylesheets, scripts and mark."""

from __future__ import annotations

from tornado.web import StaticFileHandler

__all__ = ["AssetHandler"]


class AssetHandler(StaticFileHandler):
    """Serves them to everybody, signed in or not."""

    def set_default_headers(self) -> None:
        """Serve each file as what it is."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002  # tornado's signature
        """Let browsers keep what is addressed with its content's mark, and ask again for the rest."""
        versioned = self.get_query_argument("v", "") != ""
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if versioned else "no-cache")
