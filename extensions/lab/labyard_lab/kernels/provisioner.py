"""Has a kernel's process forked where that can be, and starts it as Jupyter does where not."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from labyard.fork_server.process import ForkedProcess
from labyard_lab.kernels.fork_servers import KernelForkServers

__all__ = ["ForkingProvisioner"]

PORTS = ("hb_port", "iopub_port", "control_port", "stdin_port", "shell_port")
LOOK_SECONDS = 0.002
PATIENCE_SECONDS = 1.0


class ForkingProvisioner(LocalProvisioner):
    """Jupyter's own provisioner, with another way to come to a process."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel, and return how to connect to it."""
        info: dict[str, Any] = dict(self.connection_info)
        sockets = [Path(f"{info['ip']}-{info[port]}") for port in PORTS] if info.get("transport") == "ipc" else []
        for one in sockets:
            one.unlink(missing_ok=True)  # of a former run of this kernel
        process = None
        if KernelForkServers.initialized():
            process = await KernelForkServers.instance().fork(cmd, **self._scrub_kwargs(kwargs))
        if process is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = process  # type: ignore[assignment]  # it has what is used of a Popen
        self.pid = self.pgid = process.pid
        self.cwd = kwargs.get("cwd") or str(Path.cwd())
        await _wait_until_there(sockets, process)
        return self.connection_info


async def _wait_until_there(sockets: list[Path], process: ForkedProcess) -> None:
    """Wait for the kernel's sockets, for a second at most: a connection that comes too early is tried again only a tenth of a second later."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(one.exists() for one in sockets) and process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110  # files tell nobody
        await asyncio.sleep(LOOK_SECONDS)
