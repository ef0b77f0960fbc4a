"""The page that a link to a tool leads to: it has the tool started, where the visitor may, and leads on to it.

The page itself changes nothing, so that no link does; its script asks, with the server's XSRF token, as JupyterLab does.
"""

from __future__ import annotations

import asyncio
import html
from functools import cache
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from labyard.exceptions import LabyardError
from labyard.models.tool import ToolInstanceState
from labyard_lab.access.visit import is_viewer
from labyard_lab.available_tools.available import AvailableTools
from labyard_lab.exceptions import InstanceNotFoundError
from labyard_lab.hub import platform_url
from labyard_lab.proxy.guard import AUTH_RESOURCE
from labyard_lab.running_tools.manager import InstanceManager

__all__ = ["PAGES", "OpenToolHandler"]

PAGES = Path(__file__).parent.parent / "pages"
"""What the page consists of."""


class OpenToolHandler(JupyterHandler):
    """The page of one tool that takes no folder.

    Parameters
    ----------
    available, manager
        Which tools there are, and which run.
    api
        URL path of the REST routes, with a trailing slash.
    assets
        URL path of the page's script and style, with a trailing slash.
    """

    auth_resource = AUTH_RESOURCE

    def initialize(self, available: AvailableTools, manager: InstanceManager, api: str, assets: str) -> None:
        """Take what the route was registered with."""
        self.available, self.manager, self.api, self.assets = available, manager, api, assets

    @property
    def content_security_policy(self) -> str:
        """Allow what the page needs, and frames as Jupyter Server does."""
        return f"{super().content_security_policy}; default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'"

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]  # jupyter-server's carries no types
    async def get(self, name: str) -> None:
        """Show it, or lead on where the tool runs."""
        try:
            tool = (await asyncio.to_thread(self.available.read)).get(name)
        except LabyardError as error:
            raise web.HTTPError(error.status_code, error.message) from error
        if tool.url is not None:
            self.redirect(platform_url(tool.url))
            return
        if tool.opens_folder:
            raise web.HTTPError(404, f"{tool.title} opens a folder: choose one in JupyterLab")
        url = self._running(name)
        if url is not None:
            self.redirect(url)
            return
        values = {
            "tool": name,
            "title": tool.title,
            "api": self.api,
            "assets": self.assets,
            "xsrf": self.xsrf_token.decode(),
            "may_start": "false" if is_viewer(self) else "true",
        }
        self.set_header("Cache-Control", "no-store")
        self.finish(_page().format_map({key: html.escape(value) for key, value in values.items()}))

    def _running(self, name: str) -> str | None:
        try:
            instance = self.manager.get(name)
        except InstanceNotFoundError:
            return None
        return instance.url if instance.state is ToolInstanceState.RUNNING else None


@cache
def _page() -> str:
    return (PAGES / "open.html").read_text()
