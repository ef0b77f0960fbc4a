"""A Debian to build on where no registry can be reached: made from Debian's packages, by the machine's own apt settings."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from engine import Engine, EngineError

__all__ = ["BOOTSTRAPPED", "ensure_debian"]

SUITE = "bookworm"
BOOTSTRAPPED = f"localhost/labyard-debian:{SUITE}"

LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")
"""As in Debian's own slim image; licences stay."""
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))


def ensure_debian(engine: Engine) -> str:
    """Make the image where it is missing, which takes a minute or two, and return its name.

    Raises
    ------
    EngineError
        If mmdebstrap is missing or fails.
    """
    if engine.inspect(BOOTSTRAPPED) is not None:
        return BOOTSTRAPPED
    source = next((path for path in SOURCES if path.is_file() and SUITE in path.read_text()), None)
    print(f"making {BOOTSTRAPPED} from Debian's packages", flush=True)
    with tempfile.TemporaryDirectory(prefix="labyard-debian-") as folder:
        archive = Path(folder) / "base.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT)]
        command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", SUITE, str(archive), *([str(source)] if source else [])]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise EngineError(
                "mmdebstrap makes the Debian to build on, and is not installed. Install it, or name an image: --base"
            ) from None
        if done.returncode != 0:
            raise EngineError(f"mmdebstrap failed:\n{done.stderr.strip()[-2000:]}")
        engine.run("import", str(archive), BOOTSTRAPPED)
    return BOOTSTRAPPED
