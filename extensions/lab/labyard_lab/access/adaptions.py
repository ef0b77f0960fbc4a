"""Handlers that serve viewers in another way, instead of refusing them."""

from __future__ import annotations

import json
from typing import Any

from jupyter_core.utils import ensure_async
from tornado import web

from labyard_lab.access.collaboration import save_id, viewer_may_send
from labyard_lab.access.policy import CONTENTS, LICENSES, ROOM, has_name
from labyard_lab.access.visit import is_viewer

__all__ = ["adaptions"]


def adaptions(target: type) -> tuple[type, ...]:
    """Return what is to be put in front of the handler `target`."""
    return tuple(extra for name, extra in _ADAPTIONS if has_name(target, name))


class RoomForViewers:
    """A room where a document is edited together. Viewers see the others' changes and cursors; theirs are not taken."""

    async def on_message(self, message: str | bytes) -> None:
        """Take a message, or not."""
        upstream: Any = super()
        if not is_viewer(self) or viewer_may_send(message):
            await ensure_async(upstream.on_message(message))
            return
        number = save_id(message)
        if number is not None:  # the front end waits for the answer
            handler: Any = self
            await handler.send(handler._encode_json_message({"type": "save", "responseTo": number, "status": "failed"}))  # noqa: SLF001  # upstream's own answer


class ContentsForViewers:
    """Files and folders, described to viewers as not writable, so that JupyterLab shows them so."""

    def _finish_model(self, model: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if is_viewer(self):
            model = _read_only(model)
        upstream: Any = super()
        upstream._finish_model(model, *args, **kwargs)  # noqa: SLF001  # all its answers pass here


class AnswersAtOnce:
    """A handler whose own end of an answer has to be awaited, which tornado does not do for refusals: the client would wait for ever."""

    def write_error(self, _: int, **kwargs: Any) -> None:
        """Answer."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        handler: Any = self
        handler.set_header("Content-Type", "application/json")
        web.RequestHandler.finish(handler, json.dumps({"message": getattr(error, "log_message", None) or "refused"}))


_ADAPTIONS: tuple[tuple[str, type], ...] = (
    (ROOM, RoomForViewers),
    (CONTENTS, ContentsForViewers),
    (LICENSES, AnswersAtOnce),
)


def _read_only(model: dict[str, Any]) -> dict[str, Any]:
    changed = {**model, "writable": False}
    if model.get("type") == "directory" and isinstance(model.get("content"), list):
        changed["content"] = [_read_only(entry) for entry in model["content"]]
    return changed
