"""Which files of this environment a browser may load: JupyterLab, Notebook, and the extensions that the platform brings.

Everything comes from the environment's own prefix, where users write nothing; what they install for themselves lies in their homes, and is served from there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

__all__ = ["CONTENT_TYPES", "Source", "extension_loads", "platform_files"]

CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".eot": "application/vnd.ms-fontobject",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".gif": "image/gif",
    ".ico": "image/vnd.microsoft.icon",
    ".png": "image/png",
}
"""Kinds of files that are taken; templates of pages are not among them."""

Source = tuple[str, Path]
"""The path that a file has below the assets' address, and the file."""


def platform_files(prefix: Path | None = None) -> list[Source]:
    """Return all files, by path.

    Parameters
    ----------
    prefix
        Of an environment with JupyterLab; None: this one.
    """
    share = (prefix or Path(sys.prefix)) / "share" / "jupyter"
    found = [
        *_files("lab", share / "lab" / "static"),
        *_files("themes", share / "lab" / "themes"),
        *_files("notebook", _notebook_static(prefix)),
    ]
    for name, folder in _extensions(share / "labextensions"):
        found += _files(f"labextensions/{name}/static", folder / "static")
    return sorted(found)


def extension_loads(prefix: Path | None = None) -> dict[str, str]:
    """Return the first file of each of the platform's extensions, by the extension's name. It has a mark of the build in it, so another build is told apart."""
    loads = {}
    for name, folder in _extensions((prefix or Path(sys.prefix)) / "share" / "jupyter" / "labextensions"):
        built = json.loads((folder / "package.json").read_text()).get("jupyterlab", {}).get("_build", {})
        if str(built.get("load", "")).startswith("static/"):
            loads[name] = str(built["load"])
    return loads


def _extensions(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield those whose folder bears their name, as JupyterLab expects."""
    for package in sorted([*folder.glob("[!@]*/package.json"), *folder.glob("@*/*/package.json")]):
        name = package.parent.relative_to(folder).as_posix()
        if json.loads(package.read_text()).get("name") == name:
            yield name, package.parent


def _files(path: str, folder: Path | None) -> Iterator[Source]:
    """Yield the files in `folder`; links below it are not followed."""
    if folder is None or not folder.is_dir():
        return
    for file in folder.rglob("*"):
        if file.suffix in CONTENT_TYPES and file.is_file() and not file.is_symlink():
            yield f"{path}/{file.relative_to(folder).as_posix()}", file


def _notebook_static(prefix: Path | None) -> Path | None:
    if prefix is not None:
        return next(iter(prefix.glob("lib/python3*/site-packages/notebook/static")), None)
    notebook = find_spec("notebook")
    return Path(notebook.origin).parent / "static" if notebook is not None and notebook.origin else None
