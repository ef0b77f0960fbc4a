"""What stands for the curated images where pods are real processes: this checkout's own environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import labyard_hub

SINGLEUSER = Path(labyard_hub.__file__).parent / "singleuser"


def image() -> dict[str, Any]:
    """Return the image, as the fake registry takes it: the variables are those that `images/base` sets."""
    programs = Path(sys.prefix) / "bin"
    return {
        "entrypoint": [],
        "command": ["labyard-singleuser"],
        "env": {
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "HOME": "/home/labyard", "LANG": "C.UTF-8", "SHELL": "/bin/bash",
            "JUPYTER_CONFIG_PATH": f"{SINGLEUSER / 'personal'}:{SINGLEUSER}", "JUPYTER_RUNTIME_DIR": "/tmp/jupyter-runtime", "LABYARD_ISOLATED": "0",
        },
    }  # fmt: skip
