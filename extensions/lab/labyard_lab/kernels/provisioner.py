"""Takes a kernel's process from the pool where one fits, and starts it as Jupyter does where not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from labyard_lab.kernels.pool import KernelPool
from labyard_lab.kernels.sockets import KernelSockets

__all__ = ["PooledProvisioner"]


class PooledProvisioner(LocalProvisioner):
    """Jupyter's own provisioner, with another way to come to a process."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel, and return how to connect to it."""
        process = None
        if KernelPool.initialized():
            sockets = KernelSockets(self.connection_info)
            process = await KernelPool.instance().take(cmd, **self._scrub_kwargs(kwargs))
        if process is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = process  # type: ignore[assignment]  # it has what is used of a Popen
        self.pid = self.pgid = process.pid
        self.cwd = kwargs.get("cwd") or str(Path.cwd())
        # Whoever connects to a socket that is not there yet tries again only a tenth of a second later.
        await sockets.wait_until_there(process)
        return self.connection_info
