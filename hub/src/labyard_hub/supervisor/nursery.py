"""The nursery's process: it forks the single-user servers."""

from __future__ import annotations

import sys

from labyard_hub.backends.local.nursery import nursery_socket, single_user_program
from labyard_hub.backends.local.runtime import make_runtime_root
from labyard_hub.config.state import StateFolder
from labyard_hub.hub_process.mlflow_client import CLIENT
from labyard_hub.supervisor.hub import base_environment
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["nursery_process"]


def nursery_process(state: StateFolder) -> ProcessSpec:
    """Return the process. Its environment holds no secret: what a child needs to know comes with the request for it."""
    make_runtime_root(state)
    return ProcessSpec(
        name="nursery",
        argv=(
            sys.executable, "-P", "-m", "labyard_hub.backends.local.nursery_parent",
            str(nursery_socket(state)), "labyard_lab.singleuser", str(single_user_program()),
        ),
        # Python looks at PYTHONPATH before anything else, so the parent has its children's.
        env={**base_environment(state), "PYTHONPATH": str(CLIENT)},
        # Until it is ready, servers start in the ordinary way.
        essential=False,
    )  # fmt: skip
