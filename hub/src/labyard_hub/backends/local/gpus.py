"""The machine's GPUs, as ``nvidia-smi`` lists them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from labyard_hub.exceptions import GpuListError

__all__ = ["Gpu", "parse_gpu_list", "read_gpus"]

TIMEOUT_SECONDS = 20
"""Without its persistence mode the driver loads for each call, which takes seconds per GPU."""

WHOLE_GPU = "nvidia.com/gpu"

_GPU = re.compile(r"GPU (?P<index>\d+): (?P<name>.+) \(UUID: (?P<id>GPU-[0-9a-f-]+)\)")
_PART = re.compile(r"\s+MIG (?P<size>\S+)\s+Device\s+(?P<index>\d+): \(UUID: (?P<id>MIG-[0-9A-Za-z/-]+)\)")


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a part of one that MIG has made.

    Attributes
    ----------
    id
        What ``CUDA_VISIBLE_DEVICES`` takes: ``GPU-…`` or ``MIG-…``.
    name
        What its maker calls it.
    resource
        What Kubernetes would call it, as profiles do: ``nvidia.com/gpu``, or ``nvidia.com/mig-1g.10gb`` for a part.
    """

    id: str
    name: str
    resource: str = WHOLE_GPU


def read_gpus() -> list[Gpu]:
    """Return this machine's GPUs; none where there is no ``nvidia-smi``. Takes some seconds at worst: call it off an event loop.

    Raises
    ------
    GpuListError
        If there is one and it does not list them.
    """
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except FileNotFoundError:
        return []
    except subprocess.TimeoutExpired:
        raise GpuListError(f"it gave no answer within {TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise GpuListError(str(error.strerror)) from error
    if done.returncode != 0:
        # It writes its complaints to standard output.
        raise GpuListError((done.stderr.strip() or done.stdout.strip() or f"it ended with status {done.returncode}").splitlines()[0])
    return parse_gpu_list(done.stdout)


def parse_gpu_list(text: str) -> list[Gpu]:
    """Return what ``nvidia-smi -L`` lists. A GPU that MIG has divided is not whole any more, so its parts stand in for it."""
    found: list[Gpu] = []
    whole: Gpu | None = None
    for line in text.splitlines():
        if match := _GPU.match(line):
            whole = Gpu(match["id"], match["name"])
            found.append(whole)
        elif (match := _PART.match(line)) and whole is not None:
            if found[-1] is whole:
                found.pop()
            found.append(Gpu(match["id"], f"{whole.name} {match['size']}", f"nvidia.com/mig-{match['size'].replace('+', '.')}"))
    return found
