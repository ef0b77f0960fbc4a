"""What is changed in MLflow's own answers on their way to a browser."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["TRACE_PAGE", "Message", "Send", "below", "rewrite", "with_defaults", "without_workspaces"]

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

TRACE_PAGE = "static-files/lib/notebook-trace-renderer/index.html"
"""The page that a notebook frames to show a trace."""

# MLflow's page keeps its settings in the browser under `NAME_vVERSION`. Where somebody has chosen nothing yet: open on training runs, not on language
# models; say nothing of usage data, which this server does not collect; and do not begin with an assistant and a demonstration that are not offered here.
_DEFAULTS = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.settings.telemetry.enabled_v1": False,
    "mlflow.telemetry.info.alert.dismissed_v1": True,
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
    "mlflow.home.getting-started.collapsed_v1": True,
}
_SCRIPT = (
    "<script>try{for(const[key,value]of Object.entries("
    + json.dumps(_DEFAULTS)
    + "))if(localStorage.getItem(key)===null)localStorage.setItem(key,JSON.stringify(value))}catch{}</script>"
)
# Workspaces are made by the platform: with a project. Inside `:is`, the identifier that nothing has outweighs the page's own rules.
_HIDDEN = "[data-assistant-ui],[data-component-id='mlflow.home.workspaces.create_button']"
_STYLE = f"<style>:is(#labyard,{_HIDDEN}){{display:none!important}}</style>"


def without_workspaces(body: bytes) -> bytes:
    """Tell the page that there are no workspaces, so that a person who has one is not asked to choose."""
    return json.dumps({**json.loads(body), "workspaces_enabled": False}).encode()


def with_defaults(body: bytes) -> bytes:
    """Give the page settings to begin with."""
    return body.replace(b"<head>", f"<head>{_SCRIPT}{_STYLE}".encode(), 1)


def below(prefix: str, body: bytes) -> bytes:
    """Let the page of a trace load its scripts and data below `prefix`: MLflow builds it for the root of a host."""
    return body.replace(b'<base href="/">', f'<base href="{prefix}/">'.encode()).replace(b'src="/static-files/', b'src="static-files/')


def rewrite(send: Send, change: Callable[[bytes], bytes]) -> Send:
    """Return a `send` that holds an answer back until it is whole, and sends on what `change` makes of it; errors stay as they are."""
    start: Message = {}
    body = b""

    async def rewritten(message: Message) -> None:
        nonlocal start, body
        if message["type"] == "http.response.start":
            start = message
            return
        body += message.get("body", b"")
        if message.get("more_body"):
            return
        if start["status"] == 200 and body:
            body = change(body)
        # A changed page is not the file that these describe.
        dropped = {b"content-length", b"etag", b"last-modified", b"accept-ranges"}
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in dropped]
        await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    return rewritten
