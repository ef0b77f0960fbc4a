"""Requests for the tools of this server."""

from __future__ import annotations

from labyard_lab.instances.manager import InstanceManager
from labyard_lab.proxy.base import ProxyHandler, Target
from labyard_lab.proxy.headers import Prefix
from labyard_lab.proxy.http import HttpProxy
from labyard_lab.proxy.websocket import WebsocketProxy

__all__ = ["ToolHttpHandler", "ToolWebsocketHandler"]


class _ToolRoute(ProxyHandler):
    """A request for a tool.

    Parameters
    ----------
    manager
        Knows the instances.
    base_path
        URL path that instances are served under, with a trailing slash.
    """

    def initialize(self, manager: InstanceManager, base_path: str) -> None:
        """Take what the route was registered with."""
        self.manager, self.base_path = manager, base_path

    def find(self) -> Target:
        """Return the instance that this request is for."""
        instance = self.manager.get(self.request.path[len(self.base_path) :].partition("/")[0])
        session, address = instance.session()
        tool = instance.tool
        return Target(
            title=instance.title,
            prefix=Prefix(instance.base_path, tool.strip_prefix),
            address=address,
            session=session,
            forward_credentials=tool.forward_credentials,
            forward_user=tool.forward_user,
            in_use=instance.in_use,
        )


class ToolHttpHandler(_ToolRoute, HttpProxy):
    """An HTTP request for a tool."""


class ToolWebsocketHandler(_ToolRoute, WebsocketProxy):
    """A websocket of a tool."""
