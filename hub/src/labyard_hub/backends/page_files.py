"""Templates, stylesheets and scripts of the pages that the hub and the service show."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import labyard_hub
from labyard.pages import STYLESHEET

__all__ = ["STATIC", "TEMPLATES", "asset"]

_PLUGINS = Path(labyard_hub.__file__).parent / "hub_process"
STATIC = _PLUGINS / "static"
TEMPLATES = _PLUGINS / "templates"


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours below the hub's, with a mark of its content: browsers may keep it for good."""
    file = STYLESHEET if name == STYLESHEET.name else STATIC / name
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return f"assets/{name}?v={digest}"
