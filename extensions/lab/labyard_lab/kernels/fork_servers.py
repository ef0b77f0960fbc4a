"""Starts kernels by fork servers while somebody has a page of the server open."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Float, Int
from traitlets.config import SingletonConfigurable

from labyard.fork_server.client import ForkServer
from labyard.fork_server.process import ForkedProcess, NotForkableError

__all__ = ["KernelForkServers", "interpreter_of"]

KIND = (str(Path(__file__).parents[1] / "environment_programs" / "kernel_fork.py"), "ipykernel_launcher")
KERNEL = ("-m", "ipykernel_launcher", "-f")
HARMLESS_FLAGS: tuple[list[str], ...] = ([], ["-Xfrozen_modules=off"], ["-X", "frozen_modules=off"])
OWN_VARIABLES = frozenset({"JPY_SESSION_NAME"})
"""Variables that differ from kernel to kernel, and that no import looks at. A package may look at any other one."""


def interpreter_of(command: Sequence[str]) -> tuple[str, ...]:
    """Return the interpreter and its flags of a kernel's command, ``[PYTHON, "-m", "ipykernel_launcher", "-f", FILE]``, with or without ``-Xfrozen_modules=off``.

    Raises
    ------
    NotForkableError
        If the command is another.
    """
    if tuple(command[-4:-1]) != KERNEL or list(command[1:-4]) not in HARMLESS_FLAGS:
        raise NotForkableError("its command is not the plain one of ipykernel")
    if not Path(command[0]).is_absolute():
        raise NotForkableError(f"its command does not say where the interpreter {command[0]!r} is")
    return tuple(command[:-4])


class KernelForkServers(SingletonConfigurable):
    """The fork servers, one for each interpreter and environment of a kernel.

    None runs until somebody opens a page (`page_seen`). Each ends when nobody has for a while.
    """

    most = Int(
        2,
        min=0,
        help="How many fork servers run: for the default kernel, and for those asked for last; 0: kernels start as Jupyter starts them.",
    ).tag(config=True)
    idle_seconds = Float(
        600.0, min=1, help="After how long without a page and without a new kernel a fork server ends, to save memory."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._servers: list[ForkServer] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._specs: tuple[KernelSpecManager, str] | None = None
        self._preparing: asyncio.Task[None] | None = None

    def open(self, specs: KernelSpecManager, default_name: str) -> None:
        """Begin: the server is ready. Called on its event loop.

        Parameters
        ----------
        default_name
            Name of the kernel that can be forked before anybody has asked for one.
        """
        self._loop, self._specs = asyncio.get_running_loop(), (specs, default_name)

    def close(self) -> None:
        """End the fork servers. Kernels go on."""
        self._loop = None
        for server in self._servers:
            server.close()

    def page_seen(self) -> None:
        """Note that somebody looks at the server, and prepare for their likely next kernel."""
        if self._on_our_loop() and (self._preparing is None or self._preparing.done()):
            self._preparing = asyncio.ensure_future(self._prepare())

    async def _prepare(self) -> None:
        assert self._specs is not None  # noqa: S101  # set with the loop
        specs, name = self._specs
        if not self._servers:
            try:
                spec = await asyncio.to_thread(specs.get_kernel_spec, name)
                # What Jupyter makes of a description, with no kernel manager: variables are filled in, the command is not.
                launch = await LocalProvisioner(kernel_spec=spec).pre_launch(env=os.environ.copy())
                self._serving(launch["cmd"], _with_parent(launch["env"]))
            except (NotForkableError, KeyError, ValueError) as reason:
                self.log.info("labyard: no fork server for kernels of the kind %s: %s", name, reason)
        for server in self._servers:
            await asyncio.to_thread(server.prepare)

    async def fork(self, command: Sequence[str], **arguments: Any) -> ForkedProcess | None:
        """Return a process that becomes the kernel; None if it is to be started the ordinary way, for a reason that is in the log.

        Parameters
        ----------
        command, arguments
            What `subprocess.Popen` would be called with.
        """
        if not self._on_our_loop():
            return None
        folder = arguments.pop("cwd", None) or str(Path.cwd())
        environment = _with_parent(arguments.pop("env", None) or os.environ)
        try:
            if unknown := sorted(name for name, value in arguments.items() if value is not None):
                raise NotForkableError(f"it is to be started with {', '.join(unknown)}")
            server = self._serving(command, environment)
            return await asyncio.to_thread(server.fork, environment, {"command": list(command), "folder": folder})
        except NotForkableError as reason:
            self.log.info("labyard: a kernel is started the ordinary way: %s", reason)
            return None

    def _serving(self, command: Sequence[str], environment: Mapping[str, str]) -> ForkServer:
        """Return the fork server for a kernel, the last in the list from now on. It may have to be started."""
        interpreter = interpreter_of(command)
        found = [one for one in self._servers if one.interpreter == interpreter and not one.differing(environment)]
        server = found[0] if found else ForkServer(
            interpreter, KIND, environment, OWN_VARIABLES.__contains__, self.log, idle_seconds=self.idle_seconds
        )  # fmt: skip
        self._servers = [*(one for one in self._servers if one is not server), server]
        while len(self._servers) > self.most:
            self._servers.pop(0).close()
        return server

    def _on_our_loop(self) -> bool:
        try:
            return self._loop is not None and self.most > 0 and asyncio.get_running_loop() is self._loop
        except RuntimeError:  # in a thread
            return False


def _with_parent(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a kernel. ipykernel looks at its parent's when it is imported."""
    return {**environment, "JPY_PARENT_PID": str(os.getpid())}
