"""``python -m tests.fake_kubernetes``: the server as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.fake_kubernetes.access import Access
from tests.fake_kubernetes.api import Api
from tests.fake_kubernetes.controllers import Controllers
from tests.fake_kubernetes.images import Registry
from tests.fake_kubernetes.processes import ProcessRuntime
from tests.fake_kubernetes.runtimes import Runtime, StubRuntime
from tests.fake_kubernetes.schemas import VERSIONS
from tests.fake_kubernetes.server import Cluster, make_application
from tests.fake_kubernetes.store import Store

__all__ = ["main", "make_cluster"]


def make_cluster(file: Path | None, version: str, runtime: Runtime, network: str = "127.77") -> Cluster:
    """Return a cluster that does nothing yet: ``controllers.start()`` begins."""
    api = Api(Store(file), version)
    registry = Registry()
    return Cluster(api, Access(), registry, Controllers(api, registry, runtime, network))


async def _serve(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.folder
    runtime: Runtime = ProcessRuntime(folder) if arguments.runtime == "process" else StubRuntime()
    cluster = make_cluster(folder / "objects.json", arguments.version, runtime, arguments.network)
    sockets = bind_sockets(arguments.port, "127.0.0.1")
    server = HTTPServer(make_application(cluster))
    server.add_sockets(sockets)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    cluster.controllers.start()
    print(json.dumps({"url": f"http://127.0.0.1:{sockets[0].getsockname()[1]}"}), flush=True)  # noqa: T201  # whoever started us reads it
    await ended.wait()
    await cluster.controllers.stop()
    server.stop()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="tests.fake_kubernetes", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where objects, and volumes of real processes, are kept")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
    parser.add_argument("--version", choices=VERSIONS, default="1.36", help="of Kubernetes")
    parser.add_argument("--runtime", choices=("stub", "process"), default="stub", help="what runs in pods: a stub, or the real program")
    parser.add_argument("--network", default="127.77", help="first two bytes of the pods' addresses")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_serve(arguments))


if __name__ == "__main__":
    main()
