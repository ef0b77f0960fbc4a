"""Files by their address, ``/files/PATH``."""

from __future__ import annotations

from pathlib import Path

from jupyter_core.paths import is_hidden
from jupyter_server.base.handlers import AuthenticatedFileHandler
from tornado import web

__all__ = ["LinkedFileHandler"]


class LinkedFileHandler(AuthenticatedFileHandler):
    """Follows links out of the server's folder, as the contents API does: projects lie behind some.

    The server's account decides what can be read. What is hidden is judged by the address, since a link's target may lie below a hidden folder.
    """

    def initialize(self, path: str, default_filename: str | None = None, allowed_symlink_directory: str | list[str] | None = "/") -> None:
        """Allow links to lead anywhere."""
        super().initialize(path, default_filename, allowed_symlink_directory)

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        """Return the file.

        Raises
        ------
        HTTPError
            If the address leaves `root` or is hidden, or if there is no such file.
        """
        written = Path(absolute_path).absolute()
        if not self.contents_manager.allow_hidden and is_hidden(str(written), str(Path(root).absolute())):
            raise web.HTTPError(404)
        return str(web.StaticFileHandler.validate_absolute_path(self, root, absolute_path))
