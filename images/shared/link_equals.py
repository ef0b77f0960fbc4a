"""Makes equal files of several environments one file with several names. A layer that was made in one step keeps it once.

Usage: ``python3 link_equals.py FOLDER...``
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

SMALLEST_BYTES = 2048


def main() -> int:
    """Link them."""
    saved, known = 0, {}
    for folder in sys.argv[1:]:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_symlink() or not path.is_file() or path.stat().st_size < SMALLEST_BYTES:
                continue
            status = path.stat()
            key = (status.st_size, status.st_mode, hashlib.sha256(path.read_bytes()).digest())
            first = known.setdefault(key, path)
            if first != path and not first.samefile(path):
                path.unlink()
                os.link(first, path)
                saved += status.st_size
    print(f"{saved / 1e6:.0f} MB are kept once instead of several times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
