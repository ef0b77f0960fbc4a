"""What a running container is: a stub that answers by HTTP. The one that starts real processes is in `processes`."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from tests.fake_kubernetes.images import Image

__all__ = ["Container", "Runtime", "StubRuntime", "main_container"]


class Container(Protocol):
    """One that runs."""

    async def wait(self) -> int:
        """Return its exit status once it has ended."""

    async def stop(self, grace_seconds: float) -> None:
        """End it, by force after `grace_seconds`."""


class Runtime(Protocol):
    """Starts containers."""

    async def start(self, pod: dict[str, Any], ip: str, image: Image) -> Container:
        """Start a pod's first container so that it answers on `ip`; OSError if that cannot be."""

    def log(self, pod: dict[str, Any]) -> str:
        """Return what a pod's first container has written."""


def main_container(pod: dict[str, Any]) -> dict[str, Any]:
    """Return a pod's first container."""
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


class StubRuntime:
    """Answers every request to the first port of a pod with its own name and the path, as JSON."""

    async def start(self, pod: dict[str, Any], ip: str, image: Image) -> Container:
        """Listen, or end at once where the image says so."""
        if image.exit_code is not None:
            return _Ended(image.exit_code)
        name = pod["metadata"]["name"]

        class Answer(RequestHandler):
            def get(self) -> None:
                self.set_header("X-JupyterHub-Version", "6.1.1")
                self.finish({"version": "stub", "pod": name, "path": self.request.path})

        server = HTTPServer(Application([(".*", Answer)]))
        server.listen(main_container(pod)["ports"][0]["containerPort"], ip)
        return _Stub(server)

    def log(self, pod: dict[str, Any]) -> str:
        """Return a line."""
        return f"the stub of {pod['metadata']['name']} is listening\n"


class _Ended:
    def __init__(self, code: int) -> None:
        self._code = code

    async def wait(self) -> int:
        return self._code

    async def stop(self, grace_seconds: float) -> None:
        pass


class _Stub:
    def __init__(self, server: HTTPServer) -> None:
        self._server, self._ended = server, asyncio.Event()

    async def wait(self) -> int:
        await self._ended.wait()
        return 0

    async def stop(self, grace_seconds: float) -> None:  # noqa: ARG002  # it ends at once
        self._server.stop()
        await self._server.close_all_connections()
        self._ended.set()
