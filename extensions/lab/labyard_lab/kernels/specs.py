"""Describes kernels to JupyterLab: the project's own in its server, and all as having no debugger where users share a machine and are kept apart.

A kernel's debugger listens on TCP and asks for no password: every account of the machine could run code in the kernel. JupyterLab starts it for kernels that are
described as having one, which a kernel of the user's own making is too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from traitlets import default

from labyard_lab.kernels.fork_servers import KernelForkServers

__all__ = ["LabyardKernelSpecManager"]


PROJECT_KERNELS = Path(".labyard") / "kernels"
"""Below a project's folder; `labyard.environments` writes them."""


class LabyardKernelSpecManager(KernelSpecManager):
    """Jupyter's own, with the project's kernels in a project's server, and without the debugger where ``LABYARD_ISOLATED=1``."""

    @default("kernel_dirs")
    def _with_the_project(self) -> list[str]:
        """Return where kernels are described. Those of a project come last, so none takes the place of another, and only in the project's own server."""
        folders: list[str] = super()._kernel_dirs_default()
        root = os.environ.get("JUPYTERHUB_ROOT_DIR")
        if os.environ.get("LABYARD_PROJECT") and root:
            folders.append(str(Path(root) / PROJECT_KERNELS))
        return folders

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the description of the kernel `kernel_name`.

        Raises
        ------
        NoSuchKernel
            If there is none.
        """
        found = super().get_kernel_spec(kernel_name)
        if os.environ.get("LABYARD_ISOLATED") == "1":
            found.metadata = {**found.metadata, "debugger": False}
        return found

    def get_all_specs(self) -> dict[str, Any]:
        """Return the descriptions of all kernels. JupyterLab's page asks for them when it opens and every minute while it is looked at."""
        if KernelForkServers.initialized():
            KernelForkServers.instance().page_seen()
        found: dict[str, Any] = super().get_all_specs()
        return found
