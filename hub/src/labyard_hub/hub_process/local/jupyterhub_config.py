"""The file that JupyterHub is started with; what it says is in `labyard_hub.hub_process.local.config`."""

import os
from pathlib import Path

from labyard_hub.hub_process.local.config import configure_from_state, open_fork_server

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub provides it
root = Path(os.environ["LABYARD_STATE_DIR"])
for extra in configure_from_state(c, root):
    load_subconfig(str(extra))  # type: ignore[name-defined]  # noqa: F821  # so is this
open_fork_server(c, root)
