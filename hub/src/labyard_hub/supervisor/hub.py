"""JupyterHub's process."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from labyard_hub.config.platform import Platform
from labyard_hub.config.state import StateFolder
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["base_environment", "hub_process"]

KEPT_VARIABLES = ("LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


def base_environment(state: StateFolder) -> dict[str, str]:
    """Return what each of the platform's own processes has in its environment; the rest of the caller's stays out."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    path = f"{Path(sys.prefix) / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    nvidia = shutil.which("nvidia-smi")
    if nvidia is not None and str(Path(nvidia).parent) not in path.split(":"):
        path += f":{Path(nvidia).parent}"  # such as /usr/lib/wsl/lib
    return {"LANG": "C.UTF-8", **kept, "PATH": path, "HOME": str(state.run_private), "PYTHONUNBUFFERED": "1"}


def hub_process(state: StateFolder, platform: Platform) -> ProcessSpec:
    """Return the hub's process."""
    configuration = Path(__file__).parent.parent / "hub_process" / "local" / "jupyterhub_config.py"
    return ProcessSpec(
        name="hub",
        argv=(sys.executable, "-m", "labyard_hub.hub_process.scale.app", f"--config={configuration}"),
        env={**base_environment(state), "LABYARD_STATE_DIR": str(state.root)},
        ready_url=f"{platform.hub_api_url}/health",
        start_timeout_seconds=90,
        adopt=False,  # its configuration and code may have changed, and nothing is lost by a restart
    )
