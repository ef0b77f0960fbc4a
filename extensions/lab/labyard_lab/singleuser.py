"""``labyard-singleuser``: JupyterHub's single-user server, started with fewer imports, or in a process forked from one that has made them already.

JupyterHub itself is found and not depended upon: a Jupyter server without a hub has no use for this module.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import site
import sys
import sysconfig
from urllib.parse import quote

from jupyter_core.paths import jupyter_config_dir

from labyard_lab.fresh_start import start_afresh
from labyard_lab.light_imports import import_jupyterlab, lighten_imports
from labyard_lab.safe_start import run_or_start_safely

__all__ = ["PRELOADED", "main", "preload"]

PRELOADED = (
    "aiohttp", "jupyterhub.httpclient", "jupyterhub.log", "jupyterhub.metrics", "jupyterhub.scopes", "jupyterhub.utils", "jupyterhub._xsrf_utils", "unittest.mock",
    "jupyter_server.auth.logout", "jupyter_server.extension.application", "jupyter_server.serverapp", "jupyter_server_terminals.app",
    "jupyterlab.commands", "jupyterlab.debuglog", "jupyterlab.extensions", "jupyterlab.handlers.announcements", "jupyterlab.handlers.build_handler",
    "jupyterlab.handlers.error_handler", "jupyterlab.handlers.extension_manager_handler", "jupyterlab.handlers.plugin_manager_handler", "jupyterlab_server.app",
    "jupyter_lsp.serverextension", "jupyter_server_proxy", "notebook_shim.nbserver", "notebook_shim.shim", "IPython.paths", "jinja2.ext", "tornado.platform.asyncio",
    "jupyter_server.kernelspecs.handlers", "jupyter_server.nbconvert.handlers", "jupyter_server.view.handlers",
    *(f"jupyter_server.services.{name}.handlers" for name in ("api", "config", "contents", "events", "kernels", "kernelspecs", "nbconvert", "security", "sessions")),
    "jupyter_server.services.shutdown", "labyard_lab.extension", "labyard_lab.kernels.connection", "labyard_lab.kernels.specs", "labyard_lab.access.authorizer",
)  # fmt: skip
"""What every server imports, but for modules that keep what they find in the environment: JupyterHub's and JupyterLab's applications, which come quickly once the rest is there."""


def preload() -> None:
    """Import what every server imports, run nothing, read no configuration: for a process that is to be forked."""
    lighten_imports()
    for name in PRELOADED:
        # What is not installed is not missed, and what fails here fails again, with a message, in the server that needs it.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def main() -> None:
    """Run the server, as ``jupyterhub-singleuser`` does. It returns when the server has ended.

    Raises
    ------
    ModuleNotFoundError
        If JupyterHub is not installed beside.
    """
    lighten_imports()
    forget_home()
    start_afresh()
    separate_workspaces()
    if "USER" in os.environ and not any(one.startswith("--Session.username=") for one in sys.argv):
        # jupyter_client looks at the variable when it is imported.
        sys.argv.append(f"--Session.username={os.environ['USER']}")
    import_jupyterlab()
    run_or_start_safely(lambda: importlib.import_module("jupyterhub.singleuser").main())


def separate_workspaces() -> None:
    """Give a named server its own JupyterLab workspaces: servers of one person share a home, and each would open the other's tabs."""
    name = os.environ.get("JUPYTERHUB_SERVER_NAME")
    if name:
        folder = os.path.join(jupyter_config_dir(), "lab", "servers", f"server-{quote(name, safe='')}", "workspaces")  # noqa: PTH118
        os.environ.setdefault("JUPYTERLAB_WORKSPACES_DIR", folder)


def forget_home() -> None:
    """Have modules that were imported under another ``HOME`` look at it again."""
    site.USER_BASE = site.USER_SITE = None
    sysconfig.get_config_vars()["userbase"] = site.getuserbase()
    trash = sys.modules.get("send2trash.plat_other")
    if trash is not None:
        importlib.reload(trash)


if __name__ == "__main__":
    main()
