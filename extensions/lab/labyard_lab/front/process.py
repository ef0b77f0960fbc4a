"""The front's process and its port: held from the start, served by nginx once somebody comes, by this server itself where nginx cannot."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from logging import Logger
from pathlib import Path

from labyard_lab.front.addresses import Addresses
from labyard_lab.front.configuration import FrontPlan, front_configuration
from labyard_lab.front.nginx import find_nginx
from labyard_lab.instances.connections import open_connections

__all__ = ["Front"]

_BACKLOG = 511
_SHORT_SECONDS = 2.0
_SHORT_LIVES = 3
"""After so many lives in a row that were shorter, nginx is left alone: it would not be any better the next time."""
_FORGET_SECONDS = 10.0
"""Answers are removed so long after they were given: their names are made of cookies and tokens."""
_PR_SET_PDEATHSIG = 1
_FILES = 8192

_libc = ctypes.CDLL(None)


class Front:
    """The short way to this server's tools.

    Parameters
    ----------
    addresses
        Its own and the server's; its port is held from now on.
    base_path
        URL path that tools are served under, with a trailing slash.
    parent
        Returns where a folder may be made, once one is needed.
    serve
        Serves a listening socket by this server itself.

    Raises
    ------
    OSError
        If somebody else has the port.
    """

    def __init__(  # one each, and of different kinds
        self, addresses: Addresses, base_path: str, parent: Callable[[], Path], serve: Callable[[socket.socket], None], logger: Logger
    ) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._addresses, self._base_path, self._parent, self._serve, self._logger = addresses, base_path, parent, serve, logger
        self._socket = socket.socket(socket.AF_INET6 if ":" in addresses.host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((addresses.host, addresses.front))
        self._socket.listen(_BACKLOG)
        self._socket.setblocking(False)
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._short_lives = 0

    @property
    def pid(self) -> int | None:
        """Process id of nginx; None while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def wait(self) -> None:
        """Start nginx as soon as somebody comes. Most servers are never asked for a tool, and a start shall cost nothing."""
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._begin)

    def connections(self) -> frozenset[int]:
        """Return nginx's open connections to tools."""
        return open_connections(self.pid) if self.pid is not None else frozenset()

    def cut(self) -> None:
        """End every request that is under way. nginx comes back with the next one."""
        if self.pid is not None:
            self._logger.info("labyard: the way to tools is cut once, because somebody who has lost their access still used it")
            self._short_lives = 0
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End nginx and give the port back."""
        with contextlib.suppress(ValueError):
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._socket.close()

    def _begin(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._task = asyncio.create_task(self._live())

    async def _live(self) -> None:
        """Run nginx once, and be ready for the next time."""
        try:
            nginx = await asyncio.to_thread(find_nginx)
            if nginx is None or self._short_lives >= _SHORT_LIVES:
                why = "no nginx that will do was found" if nginx is None else f"{nginx} ends as soon as it is started"
                self._logger.warning("labyard: this server carries all requests for tools itself, which is slower: %s", why)
                self._serve(self._socket)
                return
            began = time.monotonic()
            await self._run(nginx)
            self._short_lives = self._short_lives + 1 if time.monotonic() - began < _SHORT_SECONDS else 0
        except OSError as error:
            self._short_lives += 1
            self._logger.warning("labyard: nginx could not be started: %s", error)
        self.wait()

    async def _run(self, nginx: Path) -> None:
        folder = await asyncio.to_thread(self._prepare)
        self._process = await asyncio.create_subprocess_exec(
            nginx, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr",
            env={"NGINX": f"{self._socket.fileno()};"}, pass_fds=(self._socket.fileno(),), stdin=asyncio.subprocess.DEVNULL,
            preexec_fn=_prepare_process,
        )  # fmt: skip
        try:
            while True:
                try:
                    async with asyncio.timeout(_FORGET_SECONDS):
                        await self._process.wait()
                        return
                except TimeoutError:
                    await asyncio.to_thread(_forget, folder / "answers")
        finally:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
            shutil.rmtree(folder, ignore_errors=True)

    def _prepare(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="front-", dir=self._parent()))
        plan = FrontPlan(folder, self._addresses.listen, self._addresses.ask, self._base_path, self.secret, as_root=os.geteuid() == 0)
        (folder / "nginx.conf").write_text(front_configuration(plan))
        return folder


def _prepare_process() -> None:
    """Run in the new process, before it is nginx; it takes no locks. nginx shall not outlive a server that is killed, and has two files for each request."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES if most == resource.RLIM_INFINITY else min(_FILES, most), most))


def _forget(folder: Path) -> None:
    """Remove answers that hold no longer. nginx takes one that is gone for one that was never there."""
    oldest = time.time() - _FORGET_SECONDS
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < oldest:
                    file.unlink()
