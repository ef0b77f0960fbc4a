"""``make bench``: run the benchmarks named on the command line, or all, and print a table for each."""

from __future__ import annotations

import importlib
import os
import platform
import sys

BENCHMARKS = ("sign_in", "proxy", "projects", "project_files", "membership")


def main() -> None:
    """Run them."""
    print(f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {platform.platform(terse=True)}\n")
    for name in sys.argv[1:] or BENCHMARKS:
        importlib.import_module(f"tests.benchmarks.{name}").main()
        print()


if __name__ == "__main__":
    main()
