"""Compiles what has no bytecode yet. uv would compile every file of an environment again, and a layer on top would hold all of it twice.

Usage: ``ENVIRONMENT/bin/python compile_missing.py``, for that environment.
"""

from __future__ import annotations

import importlib.util
import py_compile
import sys
import sysconfig
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path


def compile_one(path: str) -> None:
    """Compile a file; one that is no Python of this version is left as it is, as by uv."""
    py_compile.compile(path, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def main() -> int:
    """Compile them."""
    files = [str(path) for path in Path(sysconfig.get_path("purelib")).rglob("*.py")]
    missing = sorted(path for path in files if not Path(importlib.util.cache_from_source(path)).exists())
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(compile_one, missing, chunksize=64):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
