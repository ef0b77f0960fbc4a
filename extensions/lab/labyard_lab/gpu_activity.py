"""Sees whether this server's GPUs compute, so that a training that leaves the processor alone is not taken for idleness.

``nvidia-smi`` is asked, which comes with NVIDIA's driver. On one machine the hub says which GPUs are the server's; in a pod it sees no others.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

__all__ = ["QUERY", "gpus_compute", "own_gpus", "parse_utilisation"]

QUERY = ("nvidia-smi", "--query-gpu=uuid,utilization.gpu", "--format=csv,noheader,nounits")
TIMEOUT_SECONDS = 20


def own_gpus(environment: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """Return the identifiers of this server's GPUs; None: all that can be seen; empty: it has none."""
    given = environment.get("LABYARD_GPUS", "")
    if given:
        return frozenset(given.split(","))
    # The device plug-in sets it in pods with a GPU; images may set `all`, `none` or `void`, which gives no GPU by itself.
    seen = environment.get("NVIDIA_VISIBLE_DEVICES", "")
    return None if environment.get("KUBERNETES_SERVICE_HOST") and seen not in {"", "none", "void", "all"} else frozenset()


def gpus_compute(gpus: frozenset[str] | None) -> bool:
    """Return whether one of `gpus` computes now. Takes up to some seconds: call it off an event loop."""
    if gpus is not None and not gpus:
        return False
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return any(percent > 0 for gpu, percent in parse_utilisation(done.stdout).items() if gpus is None or gpu in gpus)


def parse_utilisation(text: str) -> dict[str, int]:
    """Return percent by GPU. Of parts of a GPU, and on some older ones, the driver does not know it."""
    found = {}
    for line in text.splitlines():
        gpu, _, percent = (part.strip() for part in line.partition(","))
        if percent.isdecimal():
            found[gpu] = int(percent)
    return found
