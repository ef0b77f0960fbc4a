"""The program that builds and runs containers: podman, or Docker where its daemon answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from uv import find_uv_bin

__all__ = ["Engine", "EngineError", "find_engine"]

CONTAINERS_CONF = Path(__file__).parent / "shared" / "containers.conf"

FIXED_TIME = "1577836800"
"""All files of a layer get this time, so that the same content is the same layer, and is pulled once: 2020-01-01."""


class EngineError(Exception):
    """A container engine is missing or failed; the message says why and what to do."""


class Engine:
    """A container engine.

    Parameters
    ----------
    program
        ``podman`` or ``docker``.
    """

    def __init__(self, program: str) -> None:
        self.program = program
        self.environment = dict(os.environ)
        if program == "podman" and os.geteuid() == 0 and shutil.which("runc") and "CONTAINERS_CONF" not in os.environ:
            # Debian's crun and its default limits ask for more than a container or an older kernel lets root do.
            self.environment["CONTAINERS_CONF"] = str(CONTAINERS_CONF)

    def run(
        self, *arguments: str, quiet: bool = True, timeout: float | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the program.

        Parameters
        ----------
        quiet
            Keep what it prints for the answer, or for the error, instead of showing it.

        Raises
        ------
        EngineError
            If it fails, with the last lines it printed.
        """
        pipe = subprocess.PIPE if quiet else None
        done = subprocess.run(
            [self.program, *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            words = f"{done.stdout or ''}\n{done.stderr or ''}".strip().splitlines()[-40:]
            raise EngineError(f"`{self.program} {arguments[0]}` failed with code {done.returncode}:\n" + "\n".join(words))
        return done

    def inspect(self, reference: str) -> dict[str, Any] | None:
        """Return what is known of an image on this machine; None if it is not here."""
        done = self.run("image", "inspect", reference, check=False)
        if done.returncode != 0:
            return None
        found: dict[str, Any] = json.loads(done.stdout)[0]
        return found

    def build(
        self,
        folder: Path,
        file: Path,
        reference: str,
        *,
        arguments: dict[str, str],
        labels: dict[str, str],
        secrets: dict[str, Path],
        quiet: bool,
    ) -> None:
        """Build an image from `folder`; what was built of the same before is taken from the cache.

        Raises
        ------
        EngineError
            If a step fails.
        """
        command = ["build", "--network=host", "--tag", reference, "--file", str(file)]
        if self.program == "podman":
            command += ["--layers", "--format=oci", "--timestamp", FIXED_TIME]
            cache = subprocess.run([find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
            Path(cache).mkdir(parents=True, exist_ok=True)
            command += [f"--volume={cache}:/var/cache/labyard-uv-machine"]
        command += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        command += [f"--label={name}={value}" for name, value in labels.items()]
        command += [f"--secret=id={name},src={path}" for name, path in secrets.items()]
        self.run(*command, str(folder), quiet=quiet)


def find_engine(name: str | None = None) -> Engine:
    """Return the engine `name`, or the first one that works.

    Raises
    ------
    EngineError
        If there is none.
    """
    tried = []
    for program in (name,) if name else ("podman", "docker"):
        if shutil.which(program) is None:
            tried.append(f"{program} is not installed")
            continue
        engine = Engine(program)
        done = engine.run("info", check=False)
        if done.returncode == 0:
            return engine
        tried.append(f"`{program} info` says: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    raise EngineError(f"No container engine can be used: {'; '.join(tried)}. On Debian: sudo apt-get install podman buildah runc")
