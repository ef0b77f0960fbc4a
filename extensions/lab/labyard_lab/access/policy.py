"""What a visitor may do, by the class of the handler that would serve them. Classes are compared by name: nothing is imported that this server does not use.

Classes and not paths, because it is the class that acts, whatever a path looks like.
"""

from __future__ import annotations

from collections.abc import Collection

from labyard.permissions import Capability

__all__ = [
    "CONTENTS",
    "LICENSES",
    "OPEN_TO_ALL",
    "ROOM",
    "has_name",
    "is_open_to_all",
    "is_tool",
    "may_use_project_server",
    "may_use_tool",
    "serves_viewers",
]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENTS = "jupyter_server.services.contents.handlers.ContentsHandler"
LICENSES = "jupyterlab_server.licenses_handler.LicensesHandler"
ROOM = "jupyter_server_ydoc.handlers.YDocWebSocketHandler"

VIEWERS_WEBSOCKETS = frozenset({
    # Only ever sends.
    "jupyter_server.services.events.handlers.SubscribeWebsocket",
    ROOM,  # takes no changes from viewers: see `labyard_lab.access.adaptions`
})  # fmt: skip
"""Websockets that viewers may open. Any other may do anything once it is open."""

VIEWERS_WRITES = frozenset({
    # Needed to open a document. It notes the path of a file that is there, and makes none.
    ("jupyter_server_ydoc.handlers.DocSessionHandler", "PUT"),
})  # fmt: skip

NOT_FOR_VIEWERS = frozenset({
    # It passes requests to whatever listens on a port, and nobody knows what that takes a GET for.
    "labyard_lab.proxy.ports.PortHttpHandler",
    "labyard_lab.proxy.ports.PortWebsocketHandler",
    "jupyter_server_proxy.handlers.ProxyHandler",
    # These read, and make copies of documents that are edited, which stay in memory.
    "jupyter_server_ydoc.handlers.TimelineHandler",
    "jupyter_server_ydoc.handlers.UndoRedoHandler",
    "jupyter_server_ydoc.handlers.DocForkHandler",
    # It may have a package index asked.
    "jupyterlab.handlers.extension_manager_handler.ExtensionHandler",
})  # fmt: skip

OPEN_TO_ALL = frozenset({
    # Files of pages, and redirects to other addresses of this server.
    "jupyter_server.base.handlers.FileFindHandler",
    "jupyter_server.base.handlers.PublicStaticFileHandler",
    "jupyter_server.base.handlers.RedirectWithParams",
    "jupyter_server.base.handlers.TrailingSlashHandler",
    # The version, by which the hub knows that a server answers.
    "jupyter_server.base.handlers.APIVersionHandler",
    # The way to sign in and out.
    "jupyterhub.singleuser.extension.JupyterHubLogoutHandler",
    "jupyterhub.singleuser.extension.JupyterHubOAuthCallbackHandler",
})  # fmt: skip
"""What anybody may ask for, where Jupyter Server marks it so too."""

TOOLS = frozenset({
    "labyard_lab.proxy.tools.ToolHttpHandler",
    "labyard_lab.proxy.tools.ToolWebsocketHandler",
})  # fmt: skip


def _names(handler: type) -> frozenset[str]:
    return frozenset(f"{one.__module__}.{one.__qualname__}" for one in handler.__mro__)


def has_name(handler: type, name: str) -> bool:
    """Return whether `handler` is the class `name` or extends it."""
    return name in _names(handler)


def serves_viewers(handler: type) -> bool:
    """Return whether `handler` is one of those that viewers may use though they are not made for reading alone."""
    return not _names(handler).isdisjoint(VIEWERS_WEBSOCKETS | {name for name, _ in VIEWERS_WRITES})


def is_open_to_all(handler: type, method: str) -> bool:
    """Return whether nobody has to be asked about a request."""
    marked = getattr(getattr(handler, method.lower(), None), "__allow_unauthenticated", False)
    return bool(marked) and not _names(handler).isdisjoint(OPEN_TO_ALL)


def is_tool(handler: type) -> bool:
    """Return whether requests to `handler` are for a tool."""
    return not _names(handler).isdisjoint(TOOLS)


def may_use_project_server(capabilities: Collection[Capability], handler: type, method: str, *, is_websocket: bool) -> bool:
    """Return whether a member with these capabilities may have `handler` serve a request; people who are no members have none."""
    if Capability.OPEN_SERVER not in capabilities:
        return False
    if Capability.WORK_IN_SERVER in capabilities:
        return True
    names = _names(handler)
    if not names.isdisjoint(NOT_FOR_VIEWERS):
        return False
    if is_websocket:
        return not names.isdisjoint(VIEWERS_WEBSOCKETS)
    return method in SAFE_METHODS or any((name, method) in VIEWERS_WRITES for name in names)


def may_use_tool(capabilities: Collection[Capability], method: str, *, is_websocket: bool) -> bool:
    """Return whether people with these capabilities may send a request to a tool that a colleague shares with them."""
    if Capability.OPEN_SHARED_TOOL not in capabilities:
        return False
    return Capability.USE_SHARED_TOOL in capabilities or (method in SAFE_METHODS and not is_websocket)
