"""Requests for the tools of this server."""

from __future__ import annotations

from tornado import web

from labyard.exceptions import LabyardError
from labyard_lab.exceptions import InstanceNotFoundError, InstanceNotRunningError
from labyard_lab.proxy.base import ProxyHandler, Target
from labyard_lab.proxy.headers import Prefix
from labyard_lab.proxy.http import HttpProxy
from labyard_lab.proxy.paths import ToolPaths
from labyard_lab.proxy.websocket import WebsocketProxy
from labyard_lab.running_tools.manager import InstanceManager

__all__ = ["ToolHttpHandler", "ToolWebsocketHandler"]


class _ToolRoute(ProxyHandler):
    """A request for a tool.

    Parameters
    ----------
    manager
        Knows the instances.
    paths
        Tells which of them a request is for.
    """

    def initialize(self, manager: InstanceManager, paths: ToolPaths) -> None:
        """Take what the route was registered with."""
        self.manager, self.paths = manager, paths

    def find(self) -> Target:
        """Return the instance that this request is for."""
        instance = self.manager.get(self.paths.instance(self.request.path) or "")
        if not self.request.path.startswith(instance.base_path[:-1]):
            # It has a path of its own, and was asked for by the common one.
            self.redirect(instance.url)
            raise web.Finish
        session, address = instance.session()
        tool = instance.tool
        return Target(
            title=instance.title,
            prefix=Prefix(instance.base_path, tool.strip_prefix),
            address=address,
            session=session,
            forward_credentials=tool.forward_credentials,
            forward_user=tool.forward_user,
            headers=instance.headers,
            in_use=instance.in_use,
        )


class ToolHttpHandler(_ToolRoute, HttpProxy):
    """An HTTP request for a tool."""

    def refuse(self, error: LabyardError) -> None:
        """Say why there is no answer. At a path of its own a tool that does not run is started by its page, as jupyter-server-proxy does."""
        is_page = self.request.method in ("GET", "HEAD") and "text/html" in self.request.headers.get("Accept", "")
        has_own_path = not self.request.path.startswith(self.paths.tools)
        if is_page and has_own_path and isinstance(error, InstanceNotFoundError | InstanceNotRunningError):
            self.redirect(f"{self.base_url}labyard/open/{self.paths.instance(self.request.path)}")
        else:
            super().refuse(error)


class ToolWebsocketHandler(_ToolRoute, WebsocketProxy):
    """A websocket of a tool."""
