"""The file that JupyterHub is started with on a cluster; what it says is in `labyard_hub.hub_process.pods.config`."""

import os

from labyard_hub.hub_process.pods.config import configure_from_environment

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub provides it
for extra in configure_from_environment(c, os.environ):
    load_subconfig(str(extra))  # type: ignore[name-defined]  # noqa: F821  # so is this
