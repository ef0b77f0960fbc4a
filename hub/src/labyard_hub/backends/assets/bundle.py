"""A folder with all assets of one version, each also compressed, and the lists that go with it.

``DIGEST/files/`` is a plain tree with ``.br`` and ``.gz`` beside each file that gains by it, which any web server can serve; the labyard service does so on one machine.
``DIGEST/files.json`` lists it, ``DIGEST/page.json`` tells single-user servers and the hub what they need to know.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from importlib.resources import files
from pathlib import Path

import brotli

from labyard_hub.backends.assets.sources import Source, extension_loads, platform_files
from labyard_hub.backends.local.environments import EnvironmentStore

__all__ = ["ASSETS_PATH", "IMAGE_FOLDER", "START", "PageAssets", "assets_folder", "ensure_assets", "image_assets", "read_page_assets"]

ASSETS_PATH = "/services/labyard/assets/"
"""Where browsers find them, on every platform."""

IMAGE_FOLDER = Path("/opt/labyard/assets")
"""Where the hub's image has them, made of what the images of servers have. A server of another image is asked for its own."""

START = "start.json"
"""A list of addresses below the version's, for pages that load them ahead."""

LAYOUT = 2
"""Raised when what is made of the same files changes."""
KEPT = 3
"""So many versions are kept: servers that were started before an upgrade still name theirs."""
COMPRESSED = {".js", ".css", ".json", ".svg", ".txt", ".wasm", ".eot", ".ttf", ".ico"}
SMALLEST_BYTES = 512
BEST, GOOD = 11, 9
"""Brotli's qualities: for what everybody loads, and for the rest; the best takes twenty times as long for a tenth less."""


@dataclass(frozen=True)
class PageAssets:
    """What servers and pages know of the assets.

    Attributes
    ----------
    url
        Path of their address, with the version's digest and a slash at the end.
    extensions
        The platform's extensions, and the file that each begins with.
    mains
        The first script of each application: ``lab``, ``notebook``.
    start
        What JupyterLab loads until it can be used, as paths below `url`.
    """

    url: str
    extensions: dict[str, str] = field(default_factory=dict)
    mains: dict[str, str] = field(default_factory=dict)
    start: tuple[str, ...] = ()


def assets_folder(state_root: Path) -> Path:
    """Return where the versions are: beside the tools' environments."""
    return EnvironmentStore.default(state_root).folder.parent / "assets"


def read_page_assets(file: Path) -> PageAssets | None:
    """Return what `file` says; None where there are no shared assets, so that each server serves its own."""
    try:
        data = json.loads(file.read_text())
        return PageAssets(**{**data, "start": tuple(data["start"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def image_assets(folder: Path) -> PageAssets | None:
    """Return what is known of the only version in `folder`; None where there is none."""
    return next((found for page in folder.glob("*/page.json") if (found := read_page_assets(page)) is not None), None)


def ensure_assets(folder: Path, *, prefix: Path | None = None, report: Callable[[str], None] = lambda _: None) -> Path:
    """Make the assets where they are missing, and return the path of their ``page.json``. The first time takes about half a minute of CPU.

    Parameters
    ----------
    prefix
        Of the environment with JupyterLab; None: this one.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    sources = platform_files(prefix)
    digests = {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in sources}
    start = _start_list([path for path, _ in sources])
    whole = hashlib.sha256(json.dumps([LAYOUT, sorted(digests.items()), start]).encode()).hexdigest()[:16]
    page = folder / whole / "page.json"
    if page.exists():
        return page
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not page.exists():
            report("compressing what browsers load of JupyterLab")
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
            try:
                _write(draft, sources, digests, set(start), _former(folder))
                known = PageAssets(f"{ASSETS_PATH}{whole}/", extension_loads(prefix), _mains(sources), start)
                text = json.dumps(asdict(known))
                (draft / "files" / START).write_text(json.dumps([_as_requested(path) for path in start]))
                (draft / "page.json").write_text(text)
                _let_everybody_read(draft)
                draft.rename(page.parent)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            _forget_old(folder)
    return page


def _start_list(paths: list[str]) -> tuple[str, ...]:
    """Return what of `paths` is on the list of what JupyterLab loads at its start, in that order. The list has patterns, since names carry a mark of their content."""
    patterns = [line for line in (files("labyard_hub") / "backends" / "assets" / "start.txt").read_text().splitlines() if line]
    return tuple(dict.fromkeys(path for pattern in patterns for path in paths if fnmatchcase(path, pattern)))


def _as_requested(path: str) -> str:
    """Return how JupyterLab's scripts ask for a file: all but an extension's first one with the mark in its name once more, which is part of what a cache knows it by."""
    name, mark = path.rpartition("/")[2], path.split(".")[-2]
    return f"{path}?v={mark}" if path.endswith(".js") and not name.startswith("remoteEntry.") else path


def _mains(sources: list[Source]) -> dict[str, str]:
    return {
        path.partition("/")[0]: file.name
        for path, file in sources
        if fnmatchcase(path, "lab/main.*.js") or fnmatchcase(path, "notebook/main.*.js")
    }


def _former(folder: Path) -> dict[str, Path]:
    """Return files of former versions by the digest of their content: compressing is what takes long."""
    known: dict[str, Path] = {}
    for listing in folder.glob("*/files.json"):
        try:
            digests = json.loads(listing.read_text())
        except (OSError, ValueError):
            continue
        known |= {digest: listing.parent / "files" / path for path, digest in digests.items()}
    return known


def _write(draft: Path, sources: list[Source], digests: dict[str, str], start: set[str], former: dict[str, Path]) -> None:
    def one(source: Source) -> None:
        path, file = source
        target = draft / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        if file.suffix in COMPRESSED and target.stat().st_size >= SMALLEST_BYTES:
            _compress(target, BEST if path in start else GOOD, former.get(digests[path]))

    # The compressors leave the interpreter to others while they work.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        list(pool.map(one, sources))
    (draft / "files.json").write_text(json.dumps(digests))


def _compress(target: Path, quality: int, former: Path | None) -> None:
    data = target.read_bytes()
    for suffix, compress in ((".br", partial(brotli.compress, quality=quality)), (".gz", partial(gzip.compress, mtime=0))):
        compressed = target.with_name(target.name + suffix)
        old = former.with_name(former.name + suffix) if former is not None else None
        packed = old.read_bytes() if old is not None and old.exists() else compress(data)
        if len(packed) < len(data):
            compressed.write_bytes(packed)


def _let_everybody_read(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _forget_old(folder: Path) -> None:
    versions = sorted(folder.glob("*/page.json"), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in versions[KEPT:]:
        shutil.rmtree(old.parent, ignore_errors=True)
