"""The one place that every request to this server passes, whatever handler is to serve it.

Jupyter Server asks its authorizer only where a handler does so, and some do not: whatever an extension forgets. So the gate stands in front
of the handlers: tornado's application makes each of them by one method, and the gate has it make a class of the same kind that asks first. It asks before anything of the
handler's own runs, since some handlers act before they look who is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable, Collection
from typing import Any

from jupyter_core.utils import ensure_async
from tornado import web

from labyard.permissions import Capability
from labyard_lab.access.adaptions import adaptions
from labyard_lab.access.grants import NOTHING
from labyard_lab.access.policy import is_open_to_all
from labyard_lab.access.servers import Access, Ask
from labyard_lab.access.visit import Visit, note_visit, visit_of
from labyard_lab.error_pages import WithErrorPages
from labyard_lab.full_disk import FullDiskAnswers

__all__ = ["Gate"]

LOOK_SECONDS = 1.0
"""How often it is looked whether those who are in may stay."""
CUT_SECONDS = 0.5
"""How long a websocket that was asked to close has to do so."""
UNKNOWN = (
    "It cannot be checked now whether you have access here: Labyard's service does not answer. Nothing was changed. Try again in a minute."
)


class Gate:
    """Lets requests in, and ends what was let in and may not stay.

    Parameters
    ----------
    access
        Decides.
    instance_of
        Returns the tool that a URL path is for; None if it is for none.
    """

    def __init__(self, access: Access, instance_of: Callable[[str], str | None]) -> None:
        self.access, self._instance_of = access, instance_of
        self._classes: dict[type[web.RequestHandler], type[web.RequestHandler]] = {}
        self._open: weakref.WeakSet[web.RequestHandler] = weakref.WeakSet()

    def install(self, application: Any) -> None:
        """Put the gate in front of all handlers of tornado's `application`, also of those that are registered later."""
        make = application.get_handler_delegate

        def guarded(request: Any, target_class: type[web.RequestHandler], *args: Any, **kwargs: Any) -> Any:
            return make(request, self.guard(target_class), *args, **kwargs)

        application.get_handler_delegate = guarded

    def guard(self, target: type[web.RequestHandler]) -> type[web.RequestHandler]:
        """Return a class that does what `target` does, once the gate has let the request in."""
        if target not in self._classes:
            self._classes[target] = _guarded(target, self)
        return self._classes[target]

    async def admit(self, handler: Any, target: type[web.RequestHandler]) -> None:
        """Let a request in.

        Raises
        ------
        tornado.web.HTTPError
            With status 403 if it may not, and 503 if that cannot be known now. Who has not signed in and opens a page is sent to do so.
        """
        if is_open_to_all(target, handler.request.method):
            return
        user = await ensure_async(handler.settings["identity_provider"].get_user(handler))
        if user is None:
            if self.access.closed:
                handler.current_user = handler._jupyter_current_user = None  # noqa: SLF001  # Jupyter Server's pages want to know
                web.authenticated(lambda _: None)(handler)
            return
        handler.asked_by = user.username  # pages of errors have that user's menu
        request = handler.request
        is_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        ask = Ask(user.username, target, request.method, is_websocket, self._instance_of(request.path))
        capabilities = await self.access.capabilities(ask)
        if capabilities is None or not self.access.allows(ask, capabilities):
            handler.current_user = handler._jupyter_current_user = user  # noqa: SLF001  # so do these
            raise web.HTTPError(503, UNKNOWN) if capabilities is None else web.HTTPError(403, _refusal(capabilities))
        note_visit(handler, Visit(ask, self.access.is_owner(user.username) or self.access.acts(capabilities)))
        if not self.access.is_owner(ask.user):
            self._open.add(handler)

    def leave(self, handler: Any) -> None:
        """Forget a request that was answered, but for a websocket that has opened."""
        if handler.get_status() != 101:
            self._open.discard(handler)

    async def watch(self) -> None:
        """Look again and again whether those who are in may stay, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """End what may not stay: websockets, and answers that go on and on."""
        for handler in list(self._open):
            visit = visit_of(handler)
            if visit is None or _is_over(handler):
                self._open.discard(handler)
                continue
            known = self.access.last_capabilities(visit.ask)
            capabilities = known or NOTHING
            # A room lets people in who may only look, and takes no changes from them. Where that changes, they come in again.
            changed = visit.ask.is_websocket and self.access.acts(capabilities) != visit.acts
            if changed or not self.access.allows(visit.ask, capabilities):
                self._open.discard(handler)
                # They may come in again as soon as it is known that they may stay.
                _end(
                    handler,
                    (1008, "you may not stay here") if known is not None else (1013, "it cannot be checked now whether you may stay"),
                )


def _refusal(capabilities: Collection[Capability]) -> str:
    if not capabilities:
        return "You have no access to this server. It belongs to somebody else or to a project that you are not, or no longer, in. Ask its owner."
    return "You can look here and change nothing: you are a viewer of this project. An owner can make you an editor."


def _is_over(handler: Any) -> bool:
    """Return whether nothing of a request is open any more. One that has become a websocket counts as answered by tornado."""
    if handler.get_status() == 101:
        return bool(handler._on_close_called)  # noqa: SLF001  # tornado has no public names for these
    return bool(handler._finished)  # noqa: SLF001


def _end(handler: Any, why: tuple[int, str]) -> None:
    """Close the connection of a request, politely where it is a websocket."""
    websocket = getattr(handler, "ws_connection", None)
    stream = websocket.stream if websocket is not None else getattr(handler.request.connection, "stream", None)
    with contextlib.suppress(Exception):  # whatever is wrong with it, it is cut off below
        if websocket is not None:
            handler.close(*why)
    # A client that does not answer to that could go on sending.
    if stream is not None:
        asyncio.get_running_loop().call_later(CUT_SECONDS if websocket is not None else 0, stream.close)


def _guarded(target: type[web.RequestHandler], gate: Gate) -> type[web.RequestHandler]:
    bases: Any = (FullDiskAnswers, WithErrorPages, *adaptions(target), target)

    class Guarded(*bases):  # type: ignore[misc]  # which classes it extends is known at run time
        _labyard_target = target

        async def prepare(self, *args: Any, **kwargs: Any) -> None:
            await gate.admit(self, target)
            if not self._finished:
                await ensure_async(super().prepare(*args, **kwargs))

        def on_finish(self) -> None:
            gate.leave(self)
            super().on_finish()

    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Guarded, attribute, getattr(target, attribute))
    return Guarded
