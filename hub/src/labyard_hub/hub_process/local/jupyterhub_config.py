"""The file that JupyterHub is started with; what it says is in `labyard_hub.hub_process.local.config`."""

import os
from pathlib import Path

from labyard_hub.hub_process.local.config import configure_from_state

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub provides it
for extra in configure_from_state(c, Path(os.environ["LABYARD_STATE_DIR"])):
    load_subconfig(str(extra))  # type: ignore[name-defined]  # noqa: F821  # so is this
