"""The tools' environments: one locked virtual environment each, made by uv.

An environment is named after its lock's digest, so an upgrade makes a new one beside the old one and an instance that still runs keeps its files.
Two processes that make the same one take turns.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from uv import find_uv_bin

from labyard.builtin_tools import BUILT_IN_TOOLS
from labyard.pip_stand_in import add_pip
from labyard_hub.exceptions import EnvironmentSetupError

__all__ = ["ENVIRONMENTS", "EnvironmentStore", "kernels", "label_studio_template"]

ENVIRONMENTS = ("workbench", *BUILT_IN_TOOLS)
"""Names, each with a lock in ``labyard_hub/environments``; ``workbench`` is the one that notebooks and terminals run in."""

LAYOUT = 1
"""Raised when what we add to an environment changes, so that it is made again."""

INSTALL_TIMEOUT_SECONDS = 1800
TAIL_LINES = 15


class EnvironmentStore:
    """A folder of environments.

    Parameters
    ----------
    folder
        Where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def default(cls, state_root: Path) -> EnvironmentStore:
        """Return the one beside our own environment, so that all state folders share it, or in the state folder if that cannot be written."""
        beside = Path(sys.prefix) / "share" / "labyard" / "environments"
        try:
            beside.mkdir(parents=True, exist_ok=True)
        except OSError:
            return cls(state_root / "environments")
        return cls(beside if os.access(beside, os.W_OK) or _is_complete(beside) else state_root / "environments")

    def path(self, name: str) -> Path:
        """Return where the environment `name` of the present lock is."""
        return self.folder / f"{name}-{_digest(_lock(name))}"

    def python(self, name: str) -> Path:
        """Return its interpreter."""
        return self.path(name) / "bin" / "python"

    def is_ready(self, name: str) -> bool:
        """Whether it is complete."""
        return (self.path(name) / "labyard-complete").exists()

    def ensure(self, name: str, *, report: Callable[[str], None] = lambda _: None) -> Path:
        """Make the environment `name` where it is missing, and return its folder.

        Parameters
        ----------
        report
            Called with a sentence when something takes long.

        Raises
        ------
        EnvironmentSetupError
            If uv fails, with the last lines it printed.
        """
        path = self.path(name)
        if self.is_ready(name):
            return path
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder / f".{name}.lock"):
                if not self.is_ready(name):
                    report(f"making the environment of {name}")
                    self._make(name, path)
        except OSError as error:
            raise EnvironmentSetupError(name, f"{error.strerror or error} ({self.folder})") from error
        return path

    def _make(self, name: str, path: Path) -> None:
        lock = _lock(name)
        if path.exists():  # a former attempt was killed
            shutil.rmtree(path)
        _uv(name, "venv", "--python", _base_python(), str(path))
        _uv(
            name,
            "pip", "install", "--python", str(path / "bin" / "python"), "--require-hashes", "--compile-bytecode", "--no-progress",
            "-r", str(lock),
        )  # fmt: skip
        if name == "workbench":
            add_pip(path)
            _add_kernel(name, path)
        for folder in (path, *path.parents):
            if folder == self.folder.parent:
                break
            folder.chmod(folder.stat().st_mode | 0o055)
        (path / "labyard-complete").write_text(_digest(lock) + "\n")


def label_studio_template(store: EnvironmentStore) -> Path:
    """Return where the migrated database is that each person's Label Studio starts from; in its environment, so a new version gets a new one."""
    return store.path("label-studio") / "labyard-template.sqlite3"


def _lock(name: str) -> Path:
    return Path(str(files("labyard_hub"))) / "environments" / f"{name}.txt"


def _digest(lock: Path) -> str:
    # The interpreter belongs to the environment's identity: one made for another Python would not start.
    tag = f"{sys.implementation.cache_tag} {LAYOUT}\n".encode()
    return hashlib.sha256(tag + lock.read_bytes()).hexdigest()[:12]


def kernels(environment: Path, *, isolated: bool) -> Path:
    """Return the folder, for ``JUPYTER_PATH``, that describes an environment's kernel.

    The debugger of a kernel listens on TCP and asks for no password, so where users are kept apart the kernel is described as having none.
    """
    return environment / "share" / ("jupyter-isolated" if isolated else "jupyter")


def _add_kernel(name: str, path: Path) -> None:
    """Describe the environment's kernel by the absolute path of its interpreter; the one that ipykernel brings would start the server's."""
    python = path / "bin" / "python"
    command = [str(python), "-m", "ipykernel", "install", f"--prefix={path}", "--name=python3", "--display-name=Python 3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise EnvironmentSetupError(name, f"ipykernel install failed: {done.stderr.strip()}")
    shutil.copytree(kernels(path, isolated=False) / "kernels", kernels(path, isolated=True) / "kernels")
    description = kernels(path, isolated=True) / "kernels" / "python3" / "kernel.json"
    kernel = json.loads(description.read_text())
    kernel["metadata"]["debugger"] = False
    description.write_text(json.dumps(kernel, indent=1))


def _base_python() -> str:
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def _uv(name: str, *arguments: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    try:
        done = subprocess.run(
            [find_uv_bin(), "--quiet", *arguments],
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentSetupError(name, f"uv did not end within {INSTALL_TIMEOUT_SECONDS} s; check the network and try again") from None
    if done.returncode != 0:
        tail = "\n  ".join(done.stderr.strip().splitlines()[-TAIL_LINES:])
        raise EnvironmentSetupError(name, f"uv {arguments[0]} failed; its last words:\n  {tail}")


def _is_complete(folder: Path) -> bool:
    return all((folder / f"{name}-{_digest(_lock(name))}" / "labyard-complete").exists() for name in ENVIRONMENTS)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
