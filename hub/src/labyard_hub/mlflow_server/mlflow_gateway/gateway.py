"""The ASGI application around MLflow's own."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, unquote, urlencode

from .authority import WRITE, Authority, Caller, RefusedError
from .pages import TRACE_PAGE, Message, Send, below, rewrite, with_defaults, without_workspaces
from .routes import Access, RouteTable, Rule
from .shared_models import PREFIX, FoundVersion, ModelRequest, parse, permitted_workspace

__all__ = ["Gateway", "GatewaySettings"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

WORKSPACE_HEADER = b"x-mlflow-workspace"
# What MLflow must not see, or must not believe: credentials, and what a proxy would say about the request.
_DROPPED = {b"authorization", b"cookie", WORKSPACE_HEADER, b"forwarded", b"x-real-ip", b"proxy-authorization", b"x-api-key"}
_FILES = "api/2.0/mlflow-artifacts/artifacts"
_MODEL_FILE = Rule("GET", PREFIX, Access.READ, "A file of a model that is shared.", artifact=True)
MAX_BODY_BYTES = 64 * 2**20
"""Of requests whose body is held in memory; files go by another route, which streams."""
_CODES = {
    400: "INVALID_PARAMETER_VALUE", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND",
    405: "INVALID_PARAMETER_VALUE", 413: "REQUEST_LIMIT_EXCEEDED", 501: "NOT_IMPLEMENTED", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip


@dataclass(frozen=True)
class GatewaySettings:
    """What the gateway must know.

    Attributes
    ----------
    prefix
        Path that MLflow is served under, without a trailing slash.
    login_path
        Path of the service's sign-in.
    cookie_name
        The service's session cookie; no other is passed on.
    origin
        Scheme, host and port that browsers use.
    """

    prefix: str
    login_path: str
    cookie_name: str
    origin: str
    separate: bool = False

    def frame_ancestors(self, caller: Caller) -> str:
        """Return the origins whose pages may show MLflow to `caller` in a frame: MLflow itself, and JupyterLab on the caller's servers and their projects'."""
        if not self.separate:
            return "'self'"
        scheme, _, host = self.origin.partition("://")
        return " ".join(("'self'", *(f"{scheme}://{name}.{host}" for name in (caller.user, *caller.projects.values()))))


class Gateway:
    """Lets through what the table allows, for callers whom the service knows, in a workspace that they may use.

    Parameters
    ----------
    app
        MLflow's application.
    settings
        See there.
    authority
        Who says who calls; made when the application starts, since its connections belong to the event loop.
    ensure_workspace
        Makes a workspace where it is missing.
    find_version
        Knows where the files of a version of a model are.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        settings: GatewaySettings,
        authority: Authority,
        ensure_workspace: Callable[[str], Awaitable[None]],
        find_version: Callable[[str, ModelRequest], Awaitable[FoundVersion]],
    ) -> None:
        self._app = app
        self._settings = settings
        self._authority = authority
        self._ensure_workspace = ensure_workspace
        self._find_version = find_version
        self._table = RouteTable()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _Headers(scope)
        if scope["path"] == self._settings.prefix:
            await _send(send, 307, b"", [(b"location", f"{self._settings.prefix}/".encode())])
            return
        try:
            path = self._path(scope)
            rule = self._table.find(scope["method"], path)
            if rule is not None and rule.access is Access.OPEN:
                await self._app(self._inner_scope(scope, None), receive, _for_everybody(send))
                return
            caller = await self._caller(scope["method"], headers)
            workspace = _choose_workspace(headers, caller)
            if path.startswith(("api/3.0/mlflow/workspaces", "ajax-api/3.0/mlflow/workspaces")):
                await _send_json(send, *_workspaces(scope["method"], path, caller))
                return
            if path.startswith(PREFIX):
                await self._shared_model(parse(scope["method"], path), caller, scope, receive, send)
                return
            rule = _check_rule(rule, caller, workspace)
            if not rule.streams:
                _check_length(headers)
            await self._ensure_workspace(workspace)
        except RefusedError as error:
            await self._refuse(scope, headers, send, error)
            return
        if path == "ajax-api/3.0/mlflow/server-info" and len(caller.workspaces) == 1:
            send = rewrite(send, without_workspaces)
        elif not path:
            send = rewrite(send, with_defaults)
        elif path == TRACE_PAGE:
            send = rewrite(send, partial(below, self._settings.prefix))
        # MLflow has two handlers for files: one that streams, which it registers without the static prefix, and one that holds all in memory.
        inner = self._inner_scope(scope, workspace, path if rule.streams else None)
        await self._app(inner, receive if rule.streams else _limit(receive), _secure(send, rule, self._settings.frame_ancestors(caller)))

    async def _shared_model(self, request: ModelRequest, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Let somebody load a model from a workspace that may not be theirs: MLflow's routes for files answer, for one folder."""
        workspace = permitted_workspace(request, caller)
        found = await self._find_version(workspace, request)
        if request.what == "version":
            await _send_json(send, 200, {"workspace": workspace, "name": request.model, "version": found.version})
            return
        target = f"{found.folder}/{request.path}".rstrip("/")
        if request.what == "list":
            inner = self._inner_scope(scope, workspace, f"{self._settings.prefix}/{_FILES}".lstrip("/"))
            inner["query_string"] = urlencode({"path": target}).encode()
        else:
            inner = self._inner_scope(scope, workspace, f"{_FILES}/{target}")
            inner["query_string"] = b""
        await self._app(inner, _limit(receive), _secure(send, _MODEL_FILE, self._settings.frame_ancestors(caller)))

    def _path(self, scope: Scope) -> str:
        """Return the path under the prefix, or refuse one that two programs could read in two ways."""
        path: str = scope["path"]
        prefix = self._settings.prefix
        if not path.startswith(f"{prefix}/"):
            raise RefusedError(404, "There is nothing here.")
        whole = path
        while (once := unquote(whole)) != whole:
            whole = once
        segments = whole.removeprefix(f"{prefix}/").split("/")
        if "\\" in whole or "\0" in whole or any(part in (".", "..") for part in segments) or "" in segments[:-1]:
            raise RefusedError(400, "The path has an empty or relative part, or a character that no path of MLflow's has.")
        return path.removeprefix(f"{prefix}/")

    async def _caller(self, method: str, headers: _Headers) -> Caller:
        authorization = headers.get("authorization")
        cookie = _session_cookie(headers, self._settings.cookie_name)
        caller = await self._authority.identify(authorization, cookie)
        if authorization is None:
            _check_origin(method, headers, self._settings.origin)
        return caller

    def _inner_scope(self, scope: Scope, workspace: str | None, target: str | None = None) -> Scope:
        """Return the request as MLflow sees it, for the path `target` where that is another one."""
        kept = [(name, value) for name, value in scope["headers"] if name not in _DROPPED and not name.startswith(b"x-forwarded-")]
        if workspace is not None:
            kept.append((WORKSPACE_HEADER, workspace.encode()))
        inner = {**scope, "headers": kept}
        if target is not None:
            inner["path"] = f"/{target}"
            inner["raw_path"] = quote(f"/{target}").encode()
        return inner

    async def _refuse(self, scope: Scope, headers: _Headers, send: Send, error: RefusedError) -> None:
        navigates = headers.get("sec-fetch-mode") in (None, "navigate") and "text/html" in (headers.get("accept") or "")
        if error.status == 401 and scope["method"] == "GET" and navigates and headers.get("authorization") is None:
            query = scope.get("query_string", b"").decode("latin-1")
            target = quote(scope["path"], safe="/") + (f"?{query}" if query else "")
            location = f"{self._settings.login_path}?next={quote(target, safe='')}"
            await _send(send, 302, b"", [(b"location", location.encode()), (b"cache-control", b"no-store")])
            return
        extra = {401: [(b"www-authenticate", b"Bearer")], 503: [(b"retry-after", b"2")]}.get(error.status, [])
        await _send_json(
            send, error.status, {"error_code": error.code or _CODES.get(error.status, "INTERNAL_ERROR"), "message": str(error)}, extra
        )


class _Headers:
    def __init__(self, scope: Scope) -> None:
        self._items = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._items if key == name]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


def _session_cookie(headers: _Headers, name: str) -> str | None:
    for line in headers.all("cookie"):
        # One bad cookie of another program on this host must not hide ours, so they are read one at a time.
        for part in line.split(";"):
            with contextlib.suppress(CookieError):
                morsel = SimpleCookie(part.strip()).get(name)
                if morsel is not None:
                    return f"{name}={morsel.coded_value}"
    return None


def _check_origin(method: str, headers: _Headers, origin: str) -> None:
    """Refuse a request that a page of another origin made a browser send with our cookie.

    Pages on other ports of this machine are the same *site*, so the cookie's SameSite does not keep them off. A link to us from elsewhere may be
    followed; that shows a page to anyone who follows it, and nothing to the page that had the link.
    """
    sent, fetch = headers.get("origin"), headers.get("sec-fetch-site")
    safe = method in ("GET", "HEAD")
    follows = safe and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in ("document", "iframe")
    foreign = (sent is not None and sent != origin) or (fetch not in (None, "same-origin", "none") and not follows)
    if foreign or (not safe and sent is None and fetch is None):
        raise RefusedError(403, "A page of another origin sent this request.")


def _choose_workspace(headers: _Headers, caller: Caller) -> str:
    asked = {value.strip() for value in headers.all("x-mlflow-workspace")} - {""}
    if not asked:
        return caller.workspace
    if len(asked) > 1 or not asked <= set(caller.workspaces):
        raise RefusedError(
            403, "You may not use this workspace, or no longer. Choose one of yours, or leave MLFLOW_WORKSPACE unset for your own."
        )
    return asked.pop()


def _check_rule(rule: Rule | None, caller: Caller, workspace: str) -> Rule:
    if rule is None:
        raise RefusedError(404, "There is no such route.")
    if rule.access is None:
        offered = "" if rule.refusal == 501 else "This platform does not offer this part of MLflow. "
        raise RefusedError(rule.refusal, offered + rule.note)
    if rule.access is Access.WRITE and WRITE not in caller.workspaces[workspace]:
        raise RefusedError(403, f"You may read the workspace {workspace}, but not change it.")
    return rule


def _workspaces(method: str, path: str, caller: Caller) -> tuple[int, dict[str, Any]]:
    """Answer for MLflow, which would show everybody's."""
    match = re.fullmatch(r"(?:ajax-)?api/3\.0/mlflow/workspaces(?:/([^/]+))?", path)
    if method not in ("GET", "HEAD") or match is None:
        raise RefusedError(403, "Workspaces are made and removed by the platform.")
    if match[1] is None:
        # One's own first: the page keeps the order.
        names = sorted(caller.workspaces, key=lambda name: (name != caller.workspace, name))
        return 200, {"workspaces": [_workspace(name, caller) for name in names]}
    if match[1] not in caller.workspaces:
        raise RefusedError(403, "You may not use this workspace.")
    return 200, {"workspace": _workspace(match[1], caller)}


def _workspace(name: str, caller: Caller) -> dict[str, str]:
    project = next((project for project, workspace in caller.projects.items() if workspace == name), None)
    if project is None:
        return {"name": name}
    return {"name": name, "description": f"Project {project}" + ("" if WRITE in caller.workspaces[name] else ", for you to read")}


def _check_length(headers: _Headers) -> None:
    """Refuse a body that is too large before any of it is read."""
    length = headers.get("content-length") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise RefusedError(413, f"The request is larger than {MAX_BODY_BYTES // 2**20} MiB. Log large data as an artifact.")


def _limit(receive: Receive) -> Receive:
    """Cut off a body that comes in pieces, without its length, and turns out too large: MLflow then sees a client that went away."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        return {"type": "http.disconnect"} if total > MAX_BODY_BYTES else message

    return counted


def _for_everybody(send: Send) -> Send:
    """Let pages of servers, which have other origins, read an answer that says nothing of anybody."""

    async def readable(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), (b"access-control-allow-origin", b"*")]}
        await send(message)

    return readable


def _secure(send: Send, rule: Rule, frame_ancestors: str) -> Send:
    """Add what keeps a browser from trusting an answer too much."""
    added = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
    # A run's files share the hub's origin: without this, an HTML file would act with the rights of anyone who opens it.
    policy = "sandbox" if rule.artifact else "object-src 'none'; base-uri 'self'"
    added.append((b"content-security-policy", f"{policy}; frame-ancestors {frame_ancestors}".encode()))
    if not rule.template.startswith("static-files/"):
        added.append((b"cache-control", b"private, no-store" if rule.artifact else b"no-store"))
    replaced = {name for name, _ in added} | {b"set-cookie", b"server", b"x-frame-options"}

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", [])
                if name.lower() not in replaced and not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept + added}
        await send(message)

    return secured


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_json(send: Send, status: int, body: dict[str, Any], extra: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    await _send(send, status, json.dumps(body).encode(), [*headers, *(extra or [])])
