"""An extension of a Jupyter server that forgets to ask who is there, as others do, and that lists the routes of its server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tornado import web, websocket

from labyard_lab.access.policy import is_open_to_all
from labyard_lab.proxy.paths import ToolPath

METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")


class Forgetful(web.RequestHandler):
    def post(self) -> None:
        self.write("done")

    get = put = delete = patch = post

    def check_xsrf_cookie(self) -> None:
        pass


class ForgetfulSocket(websocket.WebSocketHandler):
    def check_origin(self, _: str) -> bool:
        return True

    def open(self) -> None:
        self.write_message("done")


class Routes(web.RequestHandler):
    def get(self) -> None:
        found = [rule for group in self.application.default_router.rules for rule in getattr(group.target, "rules", [])]
        self.write(json.dumps([_describe(rule, self.settings["base_url"]) for rule in found]))


def _describe(rule: Any, base_url: str) -> dict[str, Any]:
    kind = rule.target
    assert isinstance(kind, type), rule
    assert issubclass(kind, web.RequestHandler), rule
    own = [method for method in METHODS if getattr(kind, method.lower()) is not web.RequestHandler._unimplemented_method]
    return {
        # Tools are matched by their paths as they are at the moment, and not by a pattern.
        "pattern": f"{base_url}labyard/tools/([^/]+)/(.*)" if isinstance(rule.matcher, ToolPath) else rule.matcher.regex.pattern,
        "handler": f"{kind.__module__}.{kind.__qualname__}",
        "methods": [method for method in own if getattr(kind, method.lower()) is not getattr(web.RequestHandler, method.lower())],
        "is_websocket": issubclass(kind, websocket.WebSocketHandler),
        "public": [method for method in own if is_open_to_all(kind, method)],
    }


def _load_jupyter_server_extension(app: Any) -> None:
    base = app.base_url + "forgetful/"
    app.web_app.add_handlers(".*", [(base + "routes", Routes), (base + "socket", ForgetfulSocket), (base + "page", Forgetful)])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": Path(__file__).stem}]
