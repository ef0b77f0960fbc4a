"""What each image is made of: a folder with exactly that, from which the engine builds, and its digest."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from uv import find_uv_bin

from labyard_hub.config.catalog import Image

__all__ = ["ROOT", "digest_of", "gather"]

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
HUB = ROOT / "hub" / "src" / "labyard_hub"
LAB = ROOT / "extensions" / "lab" / "labyard_lab"
BUILD = ROOT / ".build" / "images"
UV_FILE = "uv"


def gather(image: Image, dist: Path, wheels: Path | None) -> Path:
    """Put together the folder that `image` is built from, and return it.

    Parameters
    ----------
    dist
        Folder with our own wheels.
    wheels
        Folder with wheels that are on no index; None: there are none.
    """
    folder = BUILD / image.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _copy(IMAGES / "shared", folder / "shared")
    _copy(IMAGES / image.name, folder)
    if not (folder / "Containerfile").exists():
        shutil.copyfile(IMAGES / "shared" / "Containerfile.framework", folder / "Containerfile")
    if image.name == "base":
        _copy(HUB / "environments", folder / "environments")
        _copy(HUB / "singleuser", folder / "singleuser")
        _copy(HUB / "notebook_client", folder / "client")
        _copy(LAB / "environment_programs", folder / "environment_programs")
        _take(dist, folder / "dist", ("labyard-", "labyard_lab-"))
    if image.kind == "platform":
        _take(dist, folder / "dist", ("labyard-", "labyard_hub-"))
        _export(folder / "hub.txt")
        # Browsers get from the service what the servers' images have.
        shutil.copyfile(IMAGES / "base" / "server.txt", folder / "lab.txt")
        _take(dist, folder / "lab-dist", ("labyard-", "labyard_lab-"))
    if wheels is not None:
        _take(wheels, folder / "wheels", ("",))
    # A step's cache does not know what is bound into it. The last step's is told by this file.
    (folder / "code.digest").write_text(digest_of(folder) + "\n")
    shutil.copyfile(find_uv_bin(), folder / UV_FILE)
    (folder / UV_FILE).chmod(0o755)
    return folder


def digest_of(folder: Path, *more: str) -> str:
    """Return a digest of all that is in `folder`, but for uv itself, and of `more`."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != UV_FILE):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_mode & 0o100}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def build_wheels() -> Path:
    """Build our own wheels, with the JupyterLab extension, and return their folder. The same sources give the same wheels."""
    subprocess.run([sys.executable, ROOT / "scripts" / "build_lab.py"], check=True)
    dist = BUILD / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800"}
    subprocess.run(
        [find_uv_bin(), "build", "--quiet", "--wheel", "--all-packages", "--out-dir", dist], cwd=ROOT, env=environment, check=True
    )
    return dist


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(
        source,
        target,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", "__init__.py" if source == HUB / "singleuser" else "*.pyc"),
    )


def _take(source: Path, target: Path, starts: Iterable[str]) -> None:
    target.mkdir()
    for path in source.glob("*.whl"):
        if path.name.startswith(tuple(starts)):
            shutil.copyfile(path, target / path.name)


def _export(file: Path) -> None:
    """Write what uv.lock says of labyard-hub with all its extras."""
    command = [
        find_uv_bin(),
        "export",
        "--quiet",
        "--frozen",
        "--package",
        "labyard-hub",
        "--all-extras",
        "--no-dev",
        "--no-emit-workspace",
    ]
    subprocess.run([*command, "--no-annotate", "--no-header", "-o", file], cwd=ROOT, check=True)
