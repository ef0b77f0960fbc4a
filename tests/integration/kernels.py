"""Runs code in a kernel by its websocket, as JupyterLab's page does."""

from __future__ import annotations

import json
import ssl
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import websocket

from tests.platform import RunningPlatform, named


@dataclass
class Output:
    """What one piece of code gave."""

    text: str = ""
    error: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)


class KernelConnection:
    """A connection to a running kernel.

    Parameters
    ----------
    server_url
        ``http://HOST/user/NAME/``.
    """

    def __init__(self, server_url: str, kernel: str, token: str, *, timeout_seconds: float = 120, ca_file: str | None = None) -> None:
        url = named(f"{server_url}api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}").replace("http", "ws", 1)
        options = {"ca_certs": ca_file, "cert_reqs": ssl.CERT_REQUIRED} if ca_file else None
        self._socket = websocket.create_connection(
            url, header=[f"Authorization: token {token}"], timeout=timeout_seconds, sslopt=options, http_no_proxy=["*"]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def info(self) -> dict[str, Any]:
        """Ask the kernel what it is, and return its answer."""
        return self.wait_for(self._send("kernel_info_request", {}), "kernel_info_reply")

    def debug(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Ask the kernel's debugger, and return its answer."""
        return self.wait_for(self.tell_debugger(command, **arguments), "debug_reply")

    def tell_debugger(self, command: str, **arguments: Any) -> str:
        """Send a request to the kernel's debugger, and return its id: what a cell says meanwhile is not read past."""
        content = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
        return self._send("debug_request", content, "control")

    def begin(self, code: str) -> str:
        """Send `code` and return the request's id."""
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        return self._send("execute_request", content)

    def _send(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        request = uuid.uuid4().hex
        header = {"msg_id": request, "msg_type": kind, "username": "", "session": "test", "date": "", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel, "buffers": []}
        self._socket.send(json.dumps(message))
        return request

    def run(self, code: str) -> Output:
        """Run `code` and return its output; without the end of the kernel's life it returns when the kernel is idle again."""
        return self.finish(self.begin(code))

    def wait_for(self, request: str, kind: str) -> dict[str, Any]:
        """Wait for a message of this kind that answers `request`, and return its content."""
        while True:
            message = json.loads(self._socket.recv())
            if message["msg_type"] == kind and message.get("parent_header", {}).get("msg_id") == request:
                return dict(message["content"])

    def wait_for_event(self, event: str) -> dict[str, Any]:
        """Wait until the debugger tells of an event, and return it."""
        while True:
            message = json.loads(self._socket.recv())
            if message["msg_type"] == "debug_event" and message["content"]["event"] == event:
                return dict(message["content"])

    def finish(self, request: str) -> Output:
        """Return the output of code that has begun."""
        output = Output()
        while True:
            message = json.loads(self._socket.recv())
            output.messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] in ("dead", "restarting"):
                output.error = message["content"]["execution_state"]
                return output
            if message.get("parent_header", {}).get("msg_id") != request:
                continue
            if message["msg_type"] == "stream":
                output.text += message["content"]["text"]
            elif message["msg_type"] == "execute_result":
                output.text += message["content"]["data"].get("text/plain", "")
            elif message["msg_type"] == "error":
                output.error = "\n".join(
                    [f"{message['content']['ename']}: {message['content']['evalue']}", *message["content"]["traceback"]]
                )
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return output

    def result(self, code: str) -> str:
        """Run `code`, which must not fail, and return what it printed."""
        output = self.run(code)
        assert not output.error, output.error
        return output.text


def server_environment(running: RunningPlatform, name: str, token: str) -> dict[str, str]:
    """Return the environment of a user's server, as a kernel in it has it: the system tells that of a forked process to nobody."""
    server = running.client(f"user/{name}/", token)
    kernel = server.post("api/kernels", json={"name": "python3"}).raise_for_status().json()["id"]
    with KernelConnection(f"{running.url}user/{name}/", kernel, token) as connection:
        environment: dict[str, str] = json.loads(connection.run("import json, os; print(json.dumps(dict(os.environ)))").text)
    server.delete(f"api/kernels/{kernel}").raise_for_status()
    return environment
